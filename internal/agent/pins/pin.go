package pins

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// A Pin is a root in the volume for a project's link.
type Pin struct{ Host, Name, Link string }

// elsewhere is the suffix of a pin's name if the link has another path on the host.
const elsewhere = "-elsewhere"

// Elsewhere tells whether the link's path is not the same on the host, or not known.
func (p Pin) Elsewhere() bool { return p.Link == "" || strings.HasSuffix(p.Name, elsewhere) }

// Root returns the path of the link that holds the store path.
func (p Pin) Root(v layout.Volume) string { return filepath.Join(v.ProjectRoots(p.Host), p.Name) }

// record returns the path of the pin's record, a link to the project's link.
func (p Pin) record(v layout.Volume) string { return filepath.Join(records(v, p.Host), p.Name) }

func records(v layout.Volume, host string) string { return v.Own("pins", host) }

// All returns the pins of all hosts. One without a record has no Link.
func All(v layout.Volume) (found []Pin) {
	paths, _ := filepath.Glob(Pin{Host: "*", Name: "*"}.Root(v))
	for _, path := range paths {
		p := Pin{Host: filepath.Base(filepath.Dir(path)), Name: filepath.Base(path)}
		p.Link, _ = os.Readlink(p.record(v))
		found = append(found, p)
	}
	return found
}

// hold makes the pin, or points it to another store path. It does nothing if a pin of
// another host holds that path for the same link: that host drops its own pin.
func (p Pin) hold(v layout.Volume, storePath string) error {
	old, err := os.Readlink(p.Root(v))
	if old == storePath || err != nil && p.heldByAnother(v, storePath) {
		return nil
	}
	if _, err := os.Lstat(v.Outside(storePath)); err != nil {
		return nil // there is nothing to hold
	}
	// The record comes first: without it the pin could never be dropped.
	if err := layout.ReplaceLink(p.Link, p.record(v)); err != nil {
		return err
	}
	// The temporary link is not in gcroots: a kill would leave a root there.
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

// heldByAnother tells whether a pin of any host holds the store path for the same link.
func (p Pin) heldByAnother(v layout.Volume, storePath string) bool {
	others, _ := filepath.Glob(Pin{Host: "*", Name: p.Name}.Root(v))
	for _, other := range others {
		if target, _ := os.Readlink(other); target == storePath {
			return true
		}
	}
	return false
}

// Drop removes the pin and its record.
func (p Pin) Drop(v layout.Volume) error {
	for _, path := range []string{p.Root(v), p.record(v)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
