package filetree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// besideSuffix makes a name that is nobody else's.
const besideSuffix = ".nixproxy-part"

// Write makes or replaces a file with what write writes, all of it or nothing: it
// is written under a temporary name, onto the disk, and renamed. That name is
// always the same, so that what a killed Write has left is written over by the
// next one, and not a second archive beside it, as github.com/google/renameio's
// random names would have it.
func Write(file string, write func(io.Writer) error) error {
	file, err := throughLinks(file)
	if err != nil {
		return err
	}
	beside, err := alone(file + besideSuffix)
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("%s is being written by another nixproxy", file)
	}
	if err != nil {
		return because("writing", file, err)
	}
	defer beside.Close()
	err = errors.Join(beside.Truncate(0), write(beside))
	if err == nil {
		err = beside.Sync()
	}
	if err == nil {
		err = os.Rename(beside.Name(), file)
	}
	if err != nil {
		os.Remove(beside.Name())
		return err
	}
	return syncDir(filepath.Dir(file))
}

// throughLinks is the name that a link to a file leads to, as for cp.
func throughLinks(file string) (string, error) {
	real, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return file, free(file, "FILE")
	}
	return real, err
}

// free checks that a name which leads to no file can become one's. The kind of
// name is for the user, who may have to give another.
func free(name, kind string) error {
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("the link %s leads to nothing: remove it, or name another %s", name, kind)
	}
	dir := filepath.Dir(filepath.Clean(name))
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no directory %s: make it first", dir)
	}
	return nil
}

// because leaves out of an error the name of what is only beside.
func because(doing, path string, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return &fs.PathError{Op: doing, Path: path, Err: failed.Err}
	}
	return err
}

// alone opens or makes a file that nobody else writes, as far as locks can tell.
func alone(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, err
		}
		if err = hold(f); err == nil || err == filelock.ErrNoLocks {
			return f, nil
		}
		f.Close()
		if !errors.Is(err, errMoved) {
			return nil, err
		}
	}
}

// syncDir writes a directory's names to the disk, where its file system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
