package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

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
