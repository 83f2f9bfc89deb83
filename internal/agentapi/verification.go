package agentapi

import "github.com/nixproxy/nixproxy/internal/nixstore"

// A Verification is the result of reading every store path that a volume's database
// lists.
type Verification struct {
	Store     Amount       `json:"store"`     // what was checked
	Broken    []BrokenPath `json:"broken"`    // store paths that are not what they should be
	Faults    []Fault      `json:"faults"`    // what else is wrong
	Leftovers []string     `json:"leftovers"` // what was interrupted has left; it does no harm
}

// A BrokenPath is a valid store path whose files are not the ones that were registered.
type BrokenPath struct {
	Path         nixstore.Path `json:"path"`
	Problem      string        `json:"problem"`                // "missing", "changed", or why it cannot be read
	NarHash      string        `json:"narHash"`                // what it should be, in hex
	NarSize      int64         `json:"narSize"`                // bytes
	Images       []string      `json:"images,omitempty"`       // identities of the images that need it
	Repaired     bool          `json:"repaired"`               // it was copied anew
	RepairedFrom string        `json:"repairedFrom,omitempty"` // reference of the image that it was copied from
	Hint         string        `json:"hint,omitempty"`         // what can be done about one that was not repaired
}

// A Fault is something wrong in nixproxy's own files in a volume, outside of the store.
type Fault struct {
	Problem  string `json:"problem"`
	Image    string `json:"image,omitempty"` // identity of the image whose store is to be copied again
	Repaired bool   `json:"repaired"`
}
