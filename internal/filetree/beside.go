package filetree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

const besideName = ".nixproxy-cp-"

// beside makes a directory for a copy that is under way, after it has removed
// those of copies that were killed. Whoever uses one has it locked; where there are
// no locks none can be known to be of one that was killed.
func beside(dir string) (path string, leave func(), err error) {
	removeLeft(dir)
	for {
		path, err := os.MkdirTemp(dir, besideName)
		if err != nil {
			return "", nil, because("writing into", dir, err)
		}
		unlock, err := lock(path)
		if errors.Is(err, filelock.ErrHeld) || errors.Is(err, errMoved) {
			continue // for one that was killed, and is removed
		}
		if err == filelock.ErrNoLocks {
			return path, func() { _ = os.RemoveAll(path) }, nil
		}
		if err != nil {
			_ = os.Remove(path)
			return "", nil, err
		}
		return path, func() { _ = os.RemoveAll(path); unlock() }, nil
	}
}

func removeLeft(dir string) {
	names, _ := os.ReadDir(dir)
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if !strings.HasPrefix(n.Name(), besideName) || !n.IsDir() {
			continue
		}
		if unlock, err := lock(path); err == nil {
			_ = os.RemoveAll(path)
			unlock()
		}
	}
}

// lock locks a directory until unlock, or until this process's end.
func lock(path string) (unlock func(), err error) {
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
