package agentapi

import (
	"fmt"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A Manifest lists what one volume gives to another. The archives of its paths follow it.
type Manifest struct {
	Images []Stamp         `json:"images"` // their Nix, profile and base-system are among the paths
	Roots  []nixstore.Path `json:"roots"`  // other paths to keep from garbage collection
	Paths  []nixstore.Info `json:"paths"`  // each after those that it refers to
}

// Size returns the sum of the archives' sizes, in bytes.
func (m Manifest) Size() int64 { return nixstore.Size(m.Paths) }

// Held returns all paths to keep from garbage collection: the roots and those of the images.
func (m Manifest) Held() []nixstore.Path {
	all := append([]nixstore.Path{}, m.Roots...)
	for _, s := range m.Images {
		all = append(all, s.Paths()...)
	}
	return all
}

// Check returns an error unless each path is listed once, after those that it needs, and
// all that is to be held is listed.
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
