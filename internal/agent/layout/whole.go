package layout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
