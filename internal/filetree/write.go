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
	"github.com/nixproxy/nixproxy/internal/hint"
)

// partSuffix makes the temporary name of a file, which is no other program's.
const partSuffix = ".nixproxy-part"

// Write makes or replaces a file with what write writes, all of it or nothing: it
// is written under a temporary name, onto the disk, and renamed. That name is
// always the same, so that what a killed Write has left is written over by the
// next one, and not a second archive beside it, as github.com/google/renameio's
// random names would have it.
func Write(file string, write func(io.Writer) error) error {
	file, err := resolveFile(file)
	if err != nil {
		return err
	}
	part, err := openAlone(file + partSuffix)
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("%s is being written by another nixproxy", file)
	}
	if err != nil {
		return renamed("writing", file, err)
	}
	defer part.Close()
	err = errors.Join(part.Truncate(0), write(part))
	if err == nil {
		err = part.Sync()
	}
	if err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		os.Remove(part.Name())
		return err
	}
	return syncDir(filepath.Dir(file))
}

// resolveFile returns the name that a link to a file leads to, as for cp.
func resolveFile(file string) (string, error) {
	real, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return file, checkFree(file, "FILE")
	}
	return real, err
}

// checkFree checks that a file can be made of a name that leads to none. The kind
// of name is for the hint to give another one.
func checkFree(name, kind string) error {
	if _, err := os.Lstat(name); err == nil {
		return hint.Add(fmt.Errorf("the link %s leads to nothing", name), "remove it, or name another %s", kind)
	}
	dir := filepath.Dir(filepath.Clean(name))
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return hint.Add(fmt.Errorf("there is no directory %s", dir), "make it first")
	}
	return nil
}

// renamed gives an error the name that the user knows, in place of a temporary one.
func renamed(doing, path string, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return &fs.PathError{Op: doing, Path: path, Err: failed.Err}
	}
	return err
}

// openAlone opens or makes a file that no other Write has open, as far as locks can
// tell.
func openAlone(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, err
		}
		if err = hold(f); err == nil || errors.Is(err, filelock.ErrNoLocks) {
			return f, nil
		}
		f.Close()
		if !errors.Is(err, errMoved) {
			return nil, err
		}
	}
}

// syncDir flushes a directory's names to the disk, where its file system can.
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
