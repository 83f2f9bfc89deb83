package filetree

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

var (
	errTaken   = errors.New("another process has it")
	errMoved   = errors.New("who had it before has renamed or removed it")
	errNoLocks = errors.New("its file system has no locks")
)

var flock = unix.Flock // a seam for tests

// hold locks an open file or directory for as long as it is open: errTaken where
// another process has it, errMoved where its name is no longer its own. Some file
// systems have no locks, such as network ones on a Mac: errNoLocks.
func hold(f *os.File) error {
	err := flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return errTaken
	case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOLCK):
		return errNoLocks
	case err != nil:
		return &os.PathError{Op: "locking", Path: f.Name(), Err: err}
	}
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	if named, err := os.Stat(f.Name()); err != nil || !os.SameFile(opened, named) {
		return errMoved
	}
	return nil
}
