package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agent/input"
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Export reads as a line the JSON list of the paths that are asked for (without
// any: all that is held for every host), and writes an agentapi.Manifest as a line, and
// then the archives of its paths, each of which has the hash that is told. It is
// done in the anchor, and ends with its input, too: then nobody waits for it any
// more, and an engine would take what nobody reads.
func Export(ctx context.Context, v layout.Volume, in io.Reader, out io.Writer) error {
	var paths []nixstore.Path
	ctx, leave, err := input.ReadRequest(ctx, v, in, &paths)
	if err != nil {
		return err
	}
	defer leave()
	store, err := nix.ServeAlternate(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	return send(v, store, paths, out)
}

func send(v layout.Volume, store *nixstore.Server, asked []nixstore.Path, out io.Writer) error {
	manifest, err := listContents(v, store, asked)
	if err != nil {
		return err
	}
	to := bufio.NewWriterSize(out, 64<<10)
	if err := json.NewEncoder(to).Encode(manifest); err != nil {
		return err
	}
	for _, i := range manifest.Paths {
		if err := store.Dump(i, to); err != nil {
			return withRepairHint(err)
		}
	}
	return to.Flush()
}

// gather lists the closure of what is asked for, or else of all that is held for
// every host. What it begins with is held against collectors from now on.
func listContents(v layout.Volume, store *nixstore.Server, asked []nixstore.Path) (agentapi.Manifest, error) {
	manifest := agentapi.Manifest{Roots: asked}
	if len(asked) == 0 {
		var err error
		if manifest, err = listHeld(v); err != nil {
			return manifest, err
		}
	}
	valid, err := store.Valid(manifest.Held(), true)
	if err != nil {
		return manifest, err
	}
	there := nixstore.SetOf(valid)
	gone := func(path nixstore.Path) bool { return !there[path] }
	if i := slices.IndexFunc(asked, gone); i >= 0 {
		return manifest, notInVolume(asked[i])
	}
	// A link can outlive its path, and a stamp an image's paths.
	manifest.Images = slices.DeleteFunc(manifest.Images, func(s agentapi.Stamp) bool { return slices.ContainsFunc(s.Paths(), gone) })
	manifest.Roots = slices.DeleteFunc(manifest.Roots, gone)
	if len(manifest.Held()) == 0 {
		return manifest, hint.Add(errors.New("it holds no image, nothing that was synced, and no profile"), "name what is to be exported")
	}
	closure, err := store.Closure(manifest.Held())
	if err != nil {
		return manifest, err
	}
	manifest.Paths, err = store.Infos(closure)
	return manifest, err
}

// held is what the volume holds for every host: what images need, what was synced,
// and the profiles as they are now. Projects' pins belong to one host each.
func listHeld(v layout.Volume) (manifest agentapi.Manifest, err error) {
	if manifest.Images, err = v.Stamps(); err != nil {
		return manifest, err
	}
	known := nixstore.SetOf(manifest.Held())
	synced, _ := filepath.Glob(filepath.Join(v.SyncRoots(), "*"))
	current := slices.DeleteFunc(v.ProfileLinks(), generation.MatchString)
	for _, link := range append(synced, current...) {
		root, ok := v.Follow(v.Inside(link))
		if ok && !known[root.Path] {
			manifest.Roots, known[root.Path] = append(manifest.Roots, root.Path), true
		}
	}
	return manifest, nil
}

var generation = regexp.MustCompile(`-\d+-link$`)
