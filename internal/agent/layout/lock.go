package layout

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes the lock of a file, which it makes where there is none, until unlock
// is called, or the process ends. With unix.LOCK_NB it does not wait:
// unix.EWOULDBLOCK.
func Lock(file string, how int) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return lock(f, how)
}

// LockUntil waits for the lock of a file no longer than until the context ends.
func LockUntil(ctx context.Context, file string, how int) (unlock func(), err error) {
	type outcome struct {
		unlock func()
		err    error
	}
	outcomes := make(chan outcome)
	go func() {
		unlock, err := Lock(file, how)
		select {
		case outcomes <- outcome{unlock, err}:
		case <-ctx.Done(): // and nobody takes it
			if err == nil {
				unlock()
			}
		}
	}()
	select {
	case o := <-outcomes:
		return o.unlock, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// LockDir takes the lock of a directory, which no other one has then.
func LockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return lock(f, unix.LOCK_EX)
}

// lock closes the file with unlock, or if it cannot have the lock.
func lock(f *os.File, how int) (unlock func(), err error) {
	if err := Flock(f, how); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// Flock waits for the lock of an open file. In Go it is lost when the file is
// garbage.
func Flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
