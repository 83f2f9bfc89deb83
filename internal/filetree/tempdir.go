package filetree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// tempPrefix begins the names of directories for copies that are under way.
const tempPrefix = ".nixproxy-cp-"

// makeTemp makes a temporary directory in dir for a copy, after it has removed
// those of copies that were killed. Each copy keeps its own one locked: where the
// file system has no locks, a killed copy's cannot be told and stays.
func makeTemp(dir string) (path string, remove func(), err error) {
	removeAbandoned(dir)
	for {
		path, err := os.MkdirTemp(dir, tempPrefix)
		if err != nil {
			return "", nil, renamed("writing into", dir, err)
		}
		unlock, err := lockDir(path)
		if errors.Is(err, filelock.ErrHeld) || errors.Is(err, errMoved) {
			continue // another copy took it for abandoned, and removes it
		}
		if errors.Is(err, filelock.ErrNoLocks) {
			return path, func() { _ = os.RemoveAll(path) }, nil
		}
		if err != nil {
			_ = os.Remove(path)
			return "", nil, err
		}
		return path, func() { _ = os.RemoveAll(path); unlock() }, nil
	}
}

// removeAbandoned removes the temporary directories that nobody has locked.
func removeAbandoned(dir string) {
	names, _ := os.ReadDir(dir)
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if !strings.HasPrefix(n.Name(), tempPrefix) || !n.IsDir() {
			continue
		}
		if unlock, err := lockDir(path); err == nil {
			_ = os.RemoveAll(path)
			unlock()
		}
	}
}

// lockDir locks a directory until unlock, or until this process's end.
func lockDir(path string) (unlock func(), err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errMoved
	}
	if err != nil {
		return nil, err
	}
	if err := hold(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
