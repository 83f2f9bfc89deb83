// Package transfer takes store paths from one store to another: between the host's
// store, the volume's, and archives.
package transfer

import (
	"fmt"
	"slices"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// follow finds what names mean in the store: store paths, or links to them. Names
// are relative to a directory.
func follow(dir string, names []string) ([]nixstore.Place, error) {
	var places []nixstore.Place
	for _, name := range names {
		place, err := nixstore.Follow(dir, name)
		if err != nil {
			return nil, err
		}
		places = append(places, place)
	}
	return places, nil
}

func pathsOf(places []nixstore.Place) []nixstore.Path {
	var paths []nixstore.Path
	for _, place := range places {
		paths = append(paths, place.Path)
	}
	return paths
}

// closure returns all that paths need in a store, themselves included. No garbage
// collection takes them as long as the server runs. absent makes the error for a path
// that the store does not have; other errors begin with the store's name.
func closure(store *nixstore.Server, name string, paths []nixstore.Path, absent func(nixstore.Path) error) ([]nixstore.Path, error) {
	valid, err := store.Valid(paths, true)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", name, err)
	}
	for _, path := range paths {
		if !slices.Contains(valid, path) {
			return nil, absent(path)
		}
	}
	all, err := store.Closure(paths)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", name, err)
	}
	return all, nil
}
