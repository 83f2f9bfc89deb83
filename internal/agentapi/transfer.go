package agentapi

import "github.com/nixproxy/nixproxy/internal/nixstore"

// A Request says what the volume is to hold of the host's store, or of an archive.
type Request struct {
	Closure []nixstore.Path `json:"closure"`          // all of it
	Roots   []nixstore.Path `json:"roots,omitempty"`  // the paths of it that are kept from garbage collection
	Images  []Stamp         `json:"images,omitempty"` // images whose paths are in it
}

// Missing is the reply to a Request: the paths that the volume does not have.
type Missing struct {
	Paths []nixstore.Path `json:"missing"`        // null: the reply is still to come
	Wait  bool            `json:"wait,omitempty"` // another client is copying, and is waited for
}
