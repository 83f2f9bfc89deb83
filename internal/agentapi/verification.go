package agentapi

import "github.com/nixproxy/nixproxy/internal/nixstore"

// A Verification is what came of reading all that a volume's database says is
// there.
type Verification struct {
	Store     Amount       `json:"store"`     // what was checked
	Broken    []BrokenPath `json:"broken"`    // store paths that are not what they should be
	Faults    []Fault      `json:"faults"`    // what else is wrong
	Leftovers []string     `json:"leftovers"` // what was interrupted has left; it does no harm
}

// A BrokenPath is a valid store path whose files are not those that were
// registered.
type BrokenPath struct {
	Path    nixstore.Path `json:"path"`
	What    string        `json:"what"`             // "missing", "changed", or why it cannot be read
	NarHash string        `json:"narHash"`          // what it should be, in hex
	NarSize int64         `json:"narSize"`          // bytes
	Images  []string      `json:"images,omitempty"` // identities of the images that need it
	Mended  string        `json:"mended,omitempty"` // reference of the image that it was copied from anew
	Remedy  string        `json:"remedy,omitempty"` // what can be done about one that no image has
}

// A Fault is something wrong in what nixproxy keeps in a volume, beside the store.
type Fault struct {
	What   string `json:"what"`
	Image  string `json:"image,omitempty"` // identity of the image whose store is to be copied again
	Mended bool   `json:"mended"`
}
