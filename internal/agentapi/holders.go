package agentapi

import "fmt"

// A Holder is a process that has the volume's store open. PID is its number in the PID
// namespace that all containers on the volume share.
type Holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Dir     string `json:"dir"` // its working directory
}

func (h Holder) String() string {
	return fmt.Sprintf("`%s` in %s (process %d)", h.Command, h.Dir, h.PID)
}

// Synced is the result of a sync. It has no stamp if the image's Nix has to change the
// database's form while other processes have the store open.
type Synced struct {
	Stamp *Stamp   `json:"stamp,omitempty"`
	Held  []Holder `json:"held,omitempty"` // these processes; they may have ended by now
}
