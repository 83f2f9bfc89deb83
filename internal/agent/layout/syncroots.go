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

// SyncRoots returns the directory of the roots of paths that came from a host or an
// archive. Each root is a link to the store path, and its time is that of the last sync.
func (v Volume) SyncRoots() string { return v.State("gcroots/nixproxy/sync") }

// RootSynced keeps paths from every collector. Their closures must be on the disk:
// Settled takes a root as proof of that.
func (v Volume) RootSynced(paths []nixstore.Path) error {
	if len(paths) == 0 {
		return nil
	}
	if err := os.MkdirAll(v.SyncRoots(), 0o755); err != nil {
		return err
	}
	unlock, err := filelock.AcquireDir(v.SyncRoots()) // DropSynced must not drop a root that is being renewed
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

// rootOne makes a path's root, or renews its time.
func (v Volume) rootOne(p nixstore.Path) error {
	link := filepath.Join(v.SyncRoots(), p.Base())
	err := os.Symlink(string(p), link) // no temporary name that a kill could leave
	if errors.Is(err, os.ErrExist) {
		err = ReplaceLink(string(p), link)
	}
	if err != nil {
		return err
	}
	now := unix.NsecToTimeval(time.Now().UnixNano())
	return unix.Lutimes(link, []unix.Timeval{now, now})
}

// DropSynced removes a root if its last sync was before that time. It returns false if
// the path was synced again since then.
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

// Settled tells whether paths have roots already, and so are on the disk.
func (v Volume) Settled(paths []nixstore.Path) bool {
	for _, p := range paths {
		if target, _ := os.Readlink(filepath.Join(v.SyncRoots(), p.Base())); target != string(p) {
			return false
		}
	}
	return len(paths) > 0
}
