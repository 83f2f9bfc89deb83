package layout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// writeAtomic replaces a file in one step, and writes it to the disk.
func writeAtomic(path string, content []byte, mode os.FileMode) error {
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf(".new-%d-%s", rand.Uint64(), filepath.Base(path)))
	if err := createAtomic(temporary, content, mode); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	return SyncFile(filepath.Dir(path))
}

// createAtomic makes a new file with all its content. The file has no name until it is on
// the disk, so that a kill leaves none. The error is os.ErrExist if a file has the name.
func createAtomic(path string, content []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	f, err := createUnnamed(dir)
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
	return link(f, path)
}

// SyncFile writes a file, or a directory's names, to the disk.
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
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf(".new-%d-%s", os.Getpid(), filepath.Base(path)))
	_ = os.Remove(temporary) // an earlier process with the same PID may have left it
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	return nil
}

// Flush writes the volume's file system to the disk. Nix by itself leaves a store path to the
// page cache, and a stamp must not outlive the paths that it names.
func (v Volume) Flush() error {
	dir, err := os.Open(string(v))
	if err == nil {
		defer dir.Close()
		err = syncFileSystem(dir)
	}
	if err != nil {
		return fmt.Errorf("writing the volume to disk: %w", err)
	}
	return nil
}
