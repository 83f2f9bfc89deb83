package nixstore

import "fmt"

// An Info is what a store knows of a valid path. Another store can trust the path by its
// signatures or its content address.
type Info struct {
	Path       Path     `json:"path"`
	Deriver    string   `json:"deriver,omitempty"`
	References []Path   `json:"references"`
	NarHash    string   `json:"narHash"` // as the store's Nix writes it
	NarSize    int64    `json:"narSize"` // in bytes
	CA         string   `json:"ca,omitempty"`
	Sigs       []string `json:"sigs,omitempty"`
}

// Size returns the size of all archives, in bytes.
func Size(infos []Info) (n int64) {
	for _, i := range infos {
		n += i.NarSize
	}
	return n
}

// Check returns an error unless an Info that came from elsewhere has a store path, and a
// size and a hash to check its archive by.
func (i Info) Check() error {
	if _, err := ParsePath(string(i.Path)); err != nil {
		return err
	}
	if _, err := ParsePath(i.Deriver); err != nil && i.Deriver != "" {
		return fmt.Errorf("%s has an invalid deriver: %w", i.Path, err)
	}
	if _, err := parseSHA256(i.NarHash); err != nil || i.NarSize <= 0 {
		return fmt.Errorf("%s is listed without a hash and a size", i.Path)
	}
	return nil
}

// dependenciesFirst sorts paths: one can become valid only after all that it refers to.
func dependenciesFirst(all []Info) []Info {
	waiting := map[Path]Info{}
	for _, i := range all {
		waiting[i.Path] = i
	}
	sorted := make([]Info, 0, len(all))
	var visit func(Path)
	visit = func(p Path) {
		i, ok := waiting[p]
		if !ok {
			return
		}
		delete(waiting, p)
		for _, r := range i.References {
			visit(r)
		}
		sorted = append(sorted, i)
	}
	for _, i := range all {
		visit(i.Path)
	}
	return sorted
}
