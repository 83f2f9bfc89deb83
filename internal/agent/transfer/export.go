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

// Export reads a line with a JSON list of store paths; an empty list means all that the
// volume holds for every host. It writes an agentapi.Manifest as a line, and then the
// archives of the manifest's paths, whose hashes it checks. It runs in the anchor. It also
// ends when its input ends: then the client is gone, and the engine would go on reading.
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

// send writes the manifest and the archives.
func send(v layout.Volume, store *nixstore.Server, requested []nixstore.Path, out io.Writer) error {
	manifest, err := listContents(v, store, requested)
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

// listContents lists the closure of the requested paths, or without any of all that the
// volume holds for every host. From then on collectors cannot remove it.
func listContents(v layout.Volume, store *nixstore.Server, requested []nixstore.Path) (agentapi.Manifest, error) {
	manifest := agentapi.Manifest{Roots: requested}
	if len(requested) == 0 {
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
	if i := slices.IndexFunc(requested, gone); i >= 0 {
		return manifest, notInVolume(requested[i])
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

// listHeld lists what the volume holds for every host: images, synced paths, and the
// current generations of profiles. It leaves out pins, as each belongs to one host.
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

// generation matches the name of a profile's generation.
var generation = regexp.MustCompile(`-\d+-link$`)
