package layout

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// ImageRoots returns the directory of an image's roots, which are links to its store paths,
// or without an identity the directory of all images.
func (v Volume) ImageRoots(identity string) string {
	return v.State("gcroots/nixproxy/images", identity)
}

// RootsOf returns the targets of an image's roots, by the roots' names.
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

// DropImage removes an image's stamp, so that it must be synced before it is used, and then
// its roots.
func (v Volume) DropImage(identity string) error {
	if err := os.Remove(v.StampFile(identity)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := SyncFile(filepath.Dir(v.StampFile(identity))); err != nil {
		return err
	}
	return os.RemoveAll(v.ImageRoots(identity))
}
