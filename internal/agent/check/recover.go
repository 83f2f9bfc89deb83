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

// Recover is done in the anchor before anybody works on the volume, and does
// something the first time after the machine has started: it may have lost its
// power. A collector, the user's own as well, does not wait for the database to be
// on the disk before it removes files. So what it had removed may be valid again,
// and the next build or sync would count on it. A kill alone leaves nothing of the
// kind, as what a process has written is there.
func Recover(ctx context.Context, v layout.Volume) error {
	return v.OncePerBoot(func() error { return forgetLost(ctx, v) })
}

var errInUse = errors.New("others have the volume's store open")

// forgetLost has Nix forget what is valid and not there. Nix lists the files
// before it reads the database (LocalStore::verifyStore in NixOS/nix
// src/libstore/local-store.cc), and so forgets too what becomes valid in between
// (seen with 2.26.3): nobody may be at work.
func forgetLost(ctx context.Context, v layout.Volume) error {
	if _, err := os.Lstat(v.State("db/db.sqlite")); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was ever valid
	}
	if len(v.Holders()) > 0 {
		return errInUse
	}
	if err := errors.Join(removeHalves(ctx, v), removeUnnamed(v)); err != nil {
		return fmt.Errorf("removing what is half there: %w", err)
	}
	return errors.Join(nix.Alternate(ctx, "--verify").Run(), unstampIncomplete(v))
}

// removeHalves removes what is left of the path that a collector was removing.
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

// removeUnnamed removes the links that become indirect roots when Nix renames them
// (IndirectRootStore::makeSymlink in NixOS/nix src/libstore/indirect-root-store.cc),
// and that it did not rename.
func removeUnnamed(v layout.Volume) (err error) {
	links, _ := filepath.Glob(v.State("gcroots/auto/*.tmp*"))
	for _, link := range links {
		err = errors.Join(err, os.Remove(link))
	}
	return err
}

// writable are the paths that are directories and that their owner may write. A
// collector makes one so before it empties it (_deletePath in NixOS/nix
// src/libutil/unix/file-system.cc), and so are those that are just being made; no
// path that is valid is. One that is a file is there or not.
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

// changedAndDead leaves out what is whole, and what a root keeps: that is no
// collector's work, and for verify to tell and to mend. What runs here is the Nix
// of an image that may be the very one of which a path is broken.
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

// unstampIncomplete removes the stamps of images that are not whole. Their next sync
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

// lacksRoots tells whether one of the paths is missing by which an image is kept.
// A path is forgotten only with all that need it, and so with one of these.
func lacksRoots(v layout.Volume, s agentapi.Stamp) bool {
	for _, path := range layout.RootsOf(s) {
		if _, err := os.Lstat(v.Outside(path)); errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
