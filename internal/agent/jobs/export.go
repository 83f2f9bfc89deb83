package jobs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Export reads as a line the JSON list of the paths that are asked for (without
// any: all that is held for every host), and writes an agentapi.Cargo as a line, and
// then the archives of its paths, each of which has the hash that is told. It is
// done in the anchor, and ends with its input, too: then nobody waits for it any
// more, and an engine would take what nobody reads.
func Export(ctx context.Context, v layout.Volume, in io.Reader, out io.Writer) error {
	var paths []nixstore.Path
	ctx, leave, err := asked(ctx, v, in, &paths)
	if err != nil {
		return err
	}
	defer leave()
	store, err := besideStore(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	return send(v, store, paths, out)
}

func send(v layout.Volume, store *nixstore.Server, asked []nixstore.Path, out io.Writer) error {
	cargo, err := gather(v, store, asked)
	if err != nil {
		return err
	}
	to := bufio.NewWriterSize(out, 64<<10)
	if err := json.NewEncoder(to).Encode(cargo); err != nil {
		return err
	}
	for _, i := range cargo.Paths {
		if err := store.Dump(i, to); err != nil {
			return mendable(err)
		}
	}
	return to.Flush()
}

// gather lists the closure of what is asked for, or else of all that is held for
// every host. What it begins with is held against collectors from now on.
func gather(v layout.Volume, store *nixstore.Server, asked []nixstore.Path) (agentapi.Cargo, error) {
	cargo := agentapi.Cargo{Roots: asked}
	if len(asked) == 0 {
		var err error
		if cargo, err = held(v); err != nil {
			return cargo, err
		}
	}
	valid, err := store.Valid(cargo.Held(), true)
	if err != nil {
		return cargo, err
	}
	there := nixstore.SetOf(valid)
	gone := func(path nixstore.Path) bool { return !there[path] }
	if i := slices.IndexFunc(asked, gone); i >= 0 {
		return cargo, notInVolume(asked[i])
	}
	// A link can outlive its path, and a stamp an image's paths.
	cargo.Images = slices.DeleteFunc(cargo.Images, func(s agentapi.Stamp) bool { return slices.ContainsFunc(s.Paths(), gone) })
	cargo.Roots = slices.DeleteFunc(cargo.Roots, gone)
	if len(cargo.Held()) == 0 {
		return cargo, errors.New("it holds no image, nothing that was synced, and no profile: name what is to be exported")
	}
	closure, err := store.Closure(cargo.Held())
	if err != nil {
		return cargo, err
	}
	cargo.Paths, err = store.Infos(closure)
	return cargo, err
}

// held is what the volume holds for every host: what images need, what was synced,
// and the profiles as they are now. Projects' pins belong to one host each.
func held(v layout.Volume) (cargo agentapi.Cargo, err error) {
	if cargo.Images, err = v.Stamps(); err != nil {
		return cargo, err
	}
	known := nixstore.SetOf(cargo.Held())
	synced, _ := filepath.Glob(filepath.Join(v.SyncRoots(), "*"))
	current := slices.DeleteFunc(profileLinks(v), generation.MatchString)
	for _, link := range append(synced, current...) {
		root, ok := v.Follow(v.Inside(link))
		if ok && !known[root.Path] {
			cargo.Roots, known[root.Path] = append(cargo.Roots, root.Path), true
		}
	}
	return cargo, nil
}

var generation = regexp.MustCompile(`-\d+-link$`)
