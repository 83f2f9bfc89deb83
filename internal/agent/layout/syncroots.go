package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// SyncRoots is where the roots are of what was brought from a host or an archive:
// links straight to the store paths, whose time is that of the last sync.
func (v Volume) SyncRoots() string { return v.State("gcroots/nixproxy/sync") }

// RootSynced keeps paths from every collector. They must be on the disk with all
// that they need: who finds the root counts on it.
func (v Volume) RootSynced(paths []nixstore.Path) error {
	if len(paths) == 0 {
		return nil
	}
	if err := os.MkdirAll(v.SyncRoots(), 0o755); err != nil {
		return err
	}
	unlock, err := filelock.AcquireDir(v.SyncRoots()) // orders who renews a root and who drops it as it is old
	if err != nil {
		return err
	}
	defer unlock()
	for _, p := range paths {
		if err := v.rootOne(p); err != nil {
			return fmt.Errorf("rooting %s: %w", p, err)
		}
	}
	return SyncFile(v.SyncRoots())
}

func (v Volume) rootOne(p nixstore.Path) error {
	link := filepath.Join(v.SyncRoots(), p.Base())
	err := os.Symlink(string(p), link) // at once, so that a kill leaves no other name
	if errors.Is(err, os.ErrExist) {
		err = ReplaceLink(string(p), link)
	}
	if err != nil {
		return err
	}
	now := unix.NsecToTimeval(time.Now().UnixNano())
	return unix.Lutimes(link, []unix.Timeval{now, now})
}

// DropSynced lets go of what was synced last before that time. It returns false
// for what was synced again since somebody looked.
func (v Volume) DropSynced(link string, before time.Time) (bool, error) {
	unlock, err := filelock.AcquireDir(v.SyncRoots())
	if err != nil {
		return false, err
	}
	defer unlock()
	info, err := os.Lstat(link)
	if err == nil && !info.ModTime().Before(before) {
		return false, nil
	}
	if err == nil {
		err = os.Remove(link)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return err == nil, err
}

// Settled tells that paths were rooted before, and so are on the disk.
func (v Volume) Settled(paths []nixstore.Path) bool {
	for _, p := range paths {
		if target, _ := os.Readlink(filepath.Join(v.SyncRoots(), p.Base())); target != string(p) {
			return false
		}
	}
	return len(paths) > 0
}
