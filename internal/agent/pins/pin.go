package pins

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// A Pin is one in the volume, with the link that it stands for.
type Pin struct{ Host, Name, Link string }

// elsewhere ends the name of a pin whose link has another path on the host.
const elsewhere = "-elsewhere"

// Elsewhere tells whether the link's path is the container's and not the host's.
func (p Pin) Elsewhere() bool { return p.Link == "" || strings.HasSuffix(p.Name, elsewhere) }

// Root is the link that holds the store path.
func (p Pin) Root(v layout.Volume) string { return filepath.Join(v.ProjectRoots(p.Host), p.Name) }

func (p Pin) record(v layout.Volume) string { return filepath.Join(records(v, p.Host), p.Name) }

func records(v layout.Volume, host string) string { return v.Own("pins", host) }

// All are the pins of all hosts. One without a record stands for no link that could
// be named.
func All(v layout.Volume) (found []Pin) {
	paths, _ := filepath.Glob(Pin{Host: "*", Name: "*"}.Root(v))
	for _, path := range paths {
		p := Pin{Host: filepath.Base(filepath.Dir(path)), Name: filepath.Base(path)}
		p.Link, _ = os.Readlink(p.record(v))
		found = append(found, p)
	}
	return found
}

// hold makes a pin, or moves it. One of another host's that holds the same is
// as good: whoever made it drops it.
func (p Pin) hold(v layout.Volume, storePath string) error {
	old, err := os.Readlink(p.Root(v))
	if old == storePath || err != nil && p.heldByAnother(v, storePath) {
		return nil
	}
	if _, err := os.Lstat(v.Outside(storePath)); err != nil {
		return nil // there is nothing to hold
	}
	// The record comes first: without it nobody could ever drop the pin.
	if err := layout.ReplaceLink(p.Link, p.record(v)); err != nil {
		return err
	}
	// The temporary name is outside of gcroots, where a kill would leave a root.
	temporary := filepath.Join(records(v, p.Host), ".new")
	_ = os.Remove(temporary)
	if err := errors.Join(os.Symlink(storePath, temporary), os.MkdirAll(v.ProjectRoots(p.Host), 0o755)); err != nil {
		return err
	}
	if err := os.Rename(temporary, p.Root(v)); err != nil {
		return err
	}
	return layout.SyncFile(v.ProjectRoots(p.Host))
}

func (p Pin) heldByAnother(v layout.Volume, storePath string) bool {
	others, _ := filepath.Glob(Pin{Host: "*", Name: p.Name}.Root(v))
	for _, other := range others {
		if target, _ := os.Readlink(other); target == storePath {
			return true
		}
	}
	return false
}

// Drop lets go of what the link held.
func (p Pin) Drop(v layout.Volume) error {
	for _, path := range []string{p.Root(v), p.record(v)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
