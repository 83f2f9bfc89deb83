// Package state keeps nixproxy's files on the host: what it remembers between two
// commands, its key, its locks.
//
// All of it is a cache. Losing it costs one slow command, so a file that cannot be read, or
// is another user's, counts as missing.
package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/adrg/xdg"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// Dir is the directory of all these files. It is safe for concurrent use, also by several
// processes.
type Dir struct {
	path string
	user user

	mu   sync.Mutex
	held map[*held]bool
}

// user is the user that nixproxy runs as, with what it may write; a seam for tests.
type user struct {
	uid      int
	owner    func(path string) (int, error)
	writable func(path string) bool
	temp     string
}

// Open returns the directory at path, and makes it if it is missing. The default for an
// empty path is nixproxy's directory in the user's state home.
//
// Open does not use a directory of another user: sudo keeps HOME on a Mac, and root's files
// there would lock the user out. In that case, and when the directory cannot be written, it
// returns a private one among the temporary files.
func Open(path string) (*Dir, error) {
	if path == "" {
		path = filepath.Join(xdg.StateHome, "nixproxy")
	}
	return open(path, currentUser())
}

func open(path string, u user) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("finding the state directory: %w", err)
	}
	if !u.mayUse(path) || os.MkdirAll(path, 0o700) != nil || !u.writable(path) {
		if path, err = u.private(); err != nil {
			return nil, err
		}
	}
	return &Dir{path: path, user: u, held: map[*held]bool{}}, nil
}

// Path returns the directory's path.
func (d *Dir) Path() string { return d.path }

// mayUse reports whether path, or the directory that it would be made in, belongs to the
// user. A directory in which everybody may make files, such as /tmp, will do, too.
func (u user) mayUse(path string) bool {
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		if err != nil || !info.IsDir() {
			return false
		}
		if at != path && info.Mode()&os.ModeSticky != 0 {
			return true
		}
		owner, err := u.owner(at)
		return err == nil && owner == u.uid
	}
}

// private makes the directory for a user without one. Everybody can write to its parent, so
// it must belong to the user, and be closed to others.
func (u user) private() (string, error) {
	path := filepath.Join(u.temp, "nixproxy-"+strconv.Itoa(u.uid))
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", hint.Add(fmt.Errorf("making a state directory: %w", err), "name one that can be written with --state")
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("making a state directory: %w", err)
	}
	owner, err := u.owner(path)
	if err != nil || owner != u.uid || !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return "", hint.Add(fmt.Errorf("state directory %s is not a private directory of yours", path), "remove it, or name another with --state")
	}
	return path, nil
}
