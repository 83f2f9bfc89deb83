package layout

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// ImageRoots is the directory of an image's roots: links straight to its store
// paths. Without an identity it is where those of all images are.
func (v Volume) ImageRoots(identity string) string {
	return v.State("gcroots/nixproxy/images", identity)
}

// RootsOf are the links that root an image, by their names.
func RootsOf(s agentapi.Stamp) map[string]string {
	roots := map[string]string{"nix": s.Nix, "profile": s.Profile}
	if s.BaseSystem != "" {
		roots["base-system"] = s.BaseSystem
	}
	return roots
}

// RootImage keeps an image's store paths from every collector.
func (v Volume) RootImage(s agentapi.Stamp) error {
	dir := v.ImageRoots(s.Identity)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, path := range RootsOf(s) {
		if err := ReplaceLink(path, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// DropImage makes an image one that must be synced before it is used, and then
// lets go of its store paths.
func (v Volume) DropImage(identity string) error {
	if err := os.Remove(v.StampFile(identity)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := SyncFile(filepath.Dir(v.StampFile(identity))); err != nil {
		return err
	}
	return os.RemoveAll(v.ImageRoots(identity))
}
