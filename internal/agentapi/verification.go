package agentapi

import "github.com/nixproxy/nixproxy/internal/nixstore"

// A Verification is the result of reading every store path that a volume's database
// lists.
type Verification struct {
	Store     Amount       `json:"store"`     // the paths that were read
	Broken    []BrokenPath `json:"broken"`    // store paths that are not as registered
	Faults    []Fault      `json:"faults"`    // other problems
	Leftovers []string     `json:"leftovers"` // files of interrupted work; they do no harm
}

// A BrokenPath is a valid store path whose files are not as registered.
type BrokenPath struct {
	Path         nixstore.Path `json:"path"`
	Problem      string        `json:"problem"`                // "missing", "changed", or why it cannot be read
	NarHash      string        `json:"narHash"`                // as registered, in hex
	NarSize      int64         `json:"narSize"`                // as registered, in bytes
	Images       []string      `json:"images,omitempty"`       // identities of the images that need it
	Repaired     bool          `json:"repaired"`               // it was copied again
	RepairedFrom string        `json:"repairedFrom,omitempty"` // reference of the image that it was copied from
	Hint         string        `json:"hint,omitempty"`         // how to repair it, if it was not repaired
}

// A Fault is a problem in nixproxy's own files in a volume, outside of the store.
type Fault struct {
	Problem  string `json:"problem"`
	Image    string `json:"image,omitempty"` // identity of the image whose store is to be copied again
	Repaired bool   `json:"repaired"`
}
