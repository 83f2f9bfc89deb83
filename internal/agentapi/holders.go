package agentapi

import "fmt"

// A Holder is a process that has the volume's store open, by its number in the
// PID namespace that all containers on the volume share.
type Holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Dir     string `json:"dir"` // where it works
}

func (h Holder) String() string {
	return fmt.Sprintf("`%s` in %s (process %d)", h.Command, h.Dir, h.PID)
}

// Synced is what came of a sync: a stamp, or none as the image's Nix has to change
// the database's form, which no other process may have open.
type Synced struct {
	Stamp *Stamp   `json:"stamp,omitempty"`
	Held  []Holder `json:"held,omitempty"` // by those; they may have ended by now
}
