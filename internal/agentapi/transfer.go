package agentapi

import "github.com/nixproxy/nixproxy/internal/nixstore"

// A Wanted says what the volume is to hold of the host's store, or of an archive.
type Wanted struct {
	Closure []nixstore.Path `json:"closure"`          // all of it
	Roots   []nixstore.Path `json:"roots,omitempty"`  // those of it that no collector is to take
	Images  []Stamp         `json:"images,omitempty"` // what they need is in it
}

// A Lack is the answer to a Wanted: what the volume does not have of it.
type Lack struct {
	Missing []nixstore.Path `json:"missing"`        // null: the answer is still to come
	Wait    bool            `json:"wait,omitempty"` // as another one is copying
}
