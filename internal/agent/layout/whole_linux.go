package layout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// writeWhole puts a file in place whole or not at all, and onto the disk.
func writeWhole(path string, content []byte, mode os.FileMode) error {
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".new-%d-%s", rand.Uint64(), filepath.Base(path)))
	if err := linkWhole(beside, content, mode); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		_ = os.Remove(beside)
		return err
	}
	return SyncFile(filepath.Dir(path))
}

// linkWhole makes a file that has no name until it is on the disk, so that a
// kill leaves none. os.ErrExist says that another one has the name.
func linkWhole(path string, content []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.OpenFile(dir, os.O_WRONLY|unix.O_TMPFILE, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) { // an older kernel's overlayfs, where an engine runs in a container
		if f, err = os.CreateTemp(dir, ".new-*"); err == nil {
			defer os.Remove(f.Name())
		}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(mode), f.Sync()); err != nil {
		return err
	}
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: dir, New: path, Err: err}
	}
	return nil
}

// SyncFile writes a file, or a directory's names, onto the disk.
func SyncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// ReplaceLink makes a symbolic link, or changes it in one step.
func ReplaceLink(target, path string) error {
	if old, err := os.Readlink(path); err == nil && old == target {
		return nil
	}
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".new-%d-%s", os.Getpid(), filepath.Base(path)))
	_ = os.Remove(beside) // of an earlier process with our number
	if err := os.Symlink(target, beside); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		_ = os.Remove(beside)
		return err
	}
	return nil
}

// Flush writes the volume's file system to disk: Nix by itself leaves a store
// path to the page cache, and a stamp must not outlive what it speaks of.
func (v Volume) Flush() error {
	dir, err := os.Open(string(v))
	if err == nil {
		defer dir.Close()
		err = unix.Syncfs(int(dir.Fd()))
	}
	if err != nil {
		return fmt.Errorf("writing the volume to disk: %w", err)
	}
	return nil
}
