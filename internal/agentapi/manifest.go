package agentapi

import (
	"fmt"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Manifest is what one volume gives to another, without the paths' archives.
type Manifest struct {
	Images []Stamp         `json:"images"` // whose Nix, profile and base-system are among the paths
	Roots  []nixstore.Path `json:"roots"`  // other paths that are held where they arrive
	Paths  []nixstore.Info `json:"paths"`  // each after those that it refers to
}

// Size is that of all archives, in bytes.
func (m Manifest) Size() int64 { return nixstore.Size(m.Paths) }

// Held are the roots, with those of the images.
func (m Manifest) Held() []nixstore.Path {
	all := append([]nixstore.Path{}, m.Roots...)
	for _, s := range m.Images {
		all = append(all, s.Paths()...)
	}
	return all
}

// Check tells what keeps the cargo from arriving whole: each path must come after
// those that it needs, and what is to be held must be among them.
func (m Manifest) Check() error {
	for _, s := range m.Images {
		if err := s.Check(); err != nil {
			return err
		}
	}
	listed := nixstore.Set{}
	for _, i := range m.Paths {
		if err := i.Check(); err != nil {
			return err
		}
		if listed[i.Path] {
			return fmt.Errorf("%s is listed twice", i.Path)
		}
		listed[i.Path] = true
		for _, r := range i.References {
			if !listed[r] {
				return fmt.Errorf("%s needs %s, which is not listed before it", i.Path, r)
			}
		}
	}
	for _, path := range m.Held() {
		if !listed[path] {
			return fmt.Errorf("%s is to be held, and is not listed", path)
		}
	}
	return nil
}
