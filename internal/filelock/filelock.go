// Package filelock locks files and directories between processes, with flock(2).
// A lock belongs to an open file: it ends when that is closed, or with the
// process, however that ends. Nix locks its files the same way.
package filelock

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Mode tells which other locks a lock excludes.
type Mode int

const (
	Shared    Mode = unix.LOCK_SH // excludes exclusive ones
	Exclusive Mode = unix.LOCK_EX // excludes all
)

var (
	ErrHeld    = errors.New("another process has it locked")
	ErrNoLocks = errors.New("its file system has no locks") // such as network ones on a Mac
)

var flock = unix.Flock // a seam for tests

// Wait locks an open file, as soon as no lock is held that excludes this one. The
// caller must keep the file in use: Go closes one that is garbage.
func Wait(f *os.File, mode Mode) error { return lock(f, int(mode)) }

// Try is Wait without waiting: it returns ErrHeld.
func Try(f *os.File, mode Mode) error { return lock(f, int(mode)|unix.LOCK_NB) }

func lock(f *os.File, how int) error {
	for {
		err := flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, unix.EINTR): // by a signal, on some file systems
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return ErrHeld
		case errors.Is(err, errors.ErrUnsupported), errors.Is(err, unix.ENOLCK):
			return ErrNoLocks
		case err != nil:
			return &os.PathError{Op: "locking", Path: f.Name(), Err: err}
		}
		return nil
	}
}

// Acquire locks the file of that name, which it makes if it is missing, until
// release is called or the process ends. It waits no longer than until ctx ends,
// and returns the cause of that.
func Acquire(ctx context.Context, name string, mode Mode) (release func(), err error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return acquire(ctx, f, mode)
}

// TryAcquire is Acquire without waiting: it returns ErrHeld.
func TryAcquire(name string, mode Mode) (release func(), err error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return releaser(f, Try(f, mode))
}

// AcquireDir locks a directory, which must be there, exclusively, as soon as
// nobody else has it locked.
func AcquireDir(dir string) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return releaser(f, Wait(f, Exclusive))
}

func open(name string) (*os.File, error) { return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) }

// retry is how long a wait that can be given up sleeps between two tries.
const retry = 20 * time.Millisecond

// acquire tries again and again where the wait can be given up: a system call that
// waits cannot be, and would take the lock when nobody wants it any more.
func acquire(ctx context.Context, f *os.File, mode Mode) (release func(), err error) {
	if ctx.Done() == nil {
		return releaser(f, Wait(f, mode))
	}
	for ctx.Err() == nil {
		if err := Try(f, mode); !errors.Is(err, ErrHeld) {
			return releaser(f, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
	return releaser(f, context.Cause(ctx))
}

// releaser closes a file by its release, or at once if it could not be locked.
func releaser(f *os.File, err error) (release func(), _ error) {
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
