// Package state keeps nixproxy's files on the host: what it remembers between two
// commands, its key, its locks.
//
// All of it is a cache. Losing it costs one slow command, so what cannot be read, or was
// not written by this user, counts as missing.
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

// Dir is the directory that all the files are in. It is safe for concurrent use, by other
// processes too.
type Dir struct {
	path string
	user user

	mu   sync.Mutex
	held map[*held]bool
}

// user is who nixproxy runs as, and what it may write; a seam for tests.
type user struct {
	uid      int
	owner    func(path string) (int, error)
	writable func(path string) bool
	temp     string
}

// Open returns the directory at path, made if it is missing. Without a path it is
// nixproxy's in the user's state home.
//
// Nothing is written to a directory of another user: sudo keeps HOME on a Mac, and root's
// files there would lock the user out. Then, and where the directory cannot be written,
// it is a private one among the temporary files.
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
	if !u.may(path) || os.MkdirAll(path, 0o700) != nil || !u.writable(path) {
		if path, err = u.private(); err != nil {
			return nil, err
		}
	}
	return &Dir{path: path, user: u, held: map[*held]bool{}}, nil
}

// Path is where the directory is.
func (d *Dir) Path() string { return d.path }

// may tells whether path, or what it would be made in, belongs to the user. Where
// everybody may make files of their own, such as /tmp, so may the user.
func (u user) may(path string) bool {
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

// private makes the directory for a user without one. Its parent is everybody's, so it is
// used only if nobody else can have prepared it.
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
