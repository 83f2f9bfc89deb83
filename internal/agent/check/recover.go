package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Recover repairs the volume after a loss of power. It runs in the anchor before any other
// work on the volume, and acts once after each start of the machine. A collector, the
// user's own too, removes files before the database that lists them is on the disk. So
// after a loss of power the database may list paths that are gone, and the next build or
// sync would rely on them. A kill alone does no such harm: the kernel keeps what a process
// has written.
func Recover(ctx context.Context, v layout.Volume) error {
	return v.OncePerBoot(func() error { return forgetLost(ctx, v) })
}

// errInUse says that recovery must wait.
var errInUse = errors.New("others have the volume's store open")

// forgetLost makes Nix forget valid paths that are not there. Nix lists the files before it
// reads the database (LocalStore::verifyStore in NixOS/nix src/libstore/local-store.cc),
// so it would also forget a path that becomes valid in between (seen with 2.26.3): no other
// process may have the store open.
func forgetLost(ctx context.Context, v layout.Volume) error {
	if _, err := os.Lstat(v.State("db/db.sqlite")); errors.Is(err, fs.ErrNotExist) {
		return nil // no path was ever valid
	}
	if len(v.Holders()) > 0 {
		return errInUse
	}
	if err := errors.Join(removeHalves(ctx, v), removeUnnamed(v)); err != nil {
		return fmt.Errorf("removing what is half there: %w", err)
	}
	return errors.Join(nix.Alternate(ctx, "--verify").Run(), unstampIncomplete(v))
}

// removeHalves removes the rest of the path that a collector was removing.
func removeHalves(ctx context.Context, v layout.Volume) error {
	suspects, err := findWritable(v)
	if err != nil || len(suspects) == 0 {
		return err
	}
	store, err := nix.ServeAlternate(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	valid, err := store.Valid(suspects, false)
	if err != nil || len(valid) == 0 {
		return err
	}
	graph, err := nix.ReadGraph(ctx, v)
	if err != nil {
		return err
	}
	for _, path := range changedAndDead(v, graph, valid) {
		err = errors.Join(err, os.RemoveAll(v.Outside(string(path))))
	}
	return err
}

// removeUnnamed removes links at temporary names. Nix would have renamed them to make them
// indirect roots (IndirectRootStore::makeSymlink in NixOS/nix
// src/libstore/indirect-root-store.cc).
func removeUnnamed(v layout.Volume) (err error) {
	links, _ := filepath.Glob(v.State("gcroots/auto/*.tmp*"))
	for _, link := range links {
		err = errors.Join(err, os.Remove(link))
	}
	return err
}

// findWritable returns the store paths that are directories which their owner may write. A
// collector makes a directory writable before it empties it (_deletePath in NixOS/nix
// src/libutil/unix/file-system.cc). A path that is just being made is writable too, and a
// valid one is not. A path that is a file is never half there.
func findWritable(v layout.Volume) (found []nixstore.Path, err error) {
	dir, err := os.Open(v.Outside(nixstore.Dir))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	for _, e := range entries {
		path, other := nixstore.ParsePath(nixstore.Dir + "/" + e.Name())
		if other != nil || !e.IsDir() {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode()&0o200 != 0 {
			found = append(found, path)
		}
	}
	return found, err
}

// changedAndDead returns those of some paths that differ from what was registered and that
// no root keeps. No collector has changed a path that a root keeps: verify reports and
// repairs it. Roots of processes do not count: the Nix that runs here may be in an image
// with a broken path.
func changedAndDead(v layout.Volume, graph nixstore.Graph, paths []nixstore.Path) (found []nixstore.Path) {
	live := Inventory{Graph: graph, Roots: v.Roots()}.Kept(func(r agentapi.Root) bool { return r.Origin != agentapi.OriginRunning })
	for _, path := range paths {
		hash, err := nixstore.NarHash(v.Outside(string(path)), nixstore.Unwatched)
		if !live[path] && err == nil && hash != graph[path].NarHash {
			found = append(found, path)
		}
	}
	return found
}

// unstampIncomplete removes the stamps of images that are not complete. Their next sync
// copies what the database has forgotten.
func unstampIncomplete(v layout.Volume) error {
	stamps, err := v.Stamps()
	for _, s := range stamps {
		if lacksRoots(v, s) {
			err = errors.Join(err, os.Remove(v.StampFile(s.Identity)))
		}
	}
	return err
}

// lacksRoots tells whether one of the paths that keep an image is missing. Nix forgets a
// path only together with all that need it, so also one of these.
func lacksRoots(v layout.Volume, s agentapi.Stamp) bool {
	for _, path := range layout.RootsOf(s) {
		if _, err := os.Lstat(v.Outside(path)); errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
