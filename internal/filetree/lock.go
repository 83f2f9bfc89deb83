package filetree

import (
	"errors"
	"os"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// errMoved means that the name of a locked file has become another file's, or
// none's.
var errMoved = errors.New("the process that had it before has renamed or removed it")

var tryLock = filelock.Try // a seam for tests

// hold locks an open file or directory for as long as it is open. It returns
// errMoved where its name is no longer its own: such a lock excludes nobody.
func hold(f *os.File) error {
	if err := tryLock(f, filelock.Exclusive); err != nil {
		return err
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
