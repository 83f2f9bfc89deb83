package agentapi

import "time"

// A GCPlan says what garbage collection deletes besides garbage, and how much in all.
type GCPlan struct {
	KeepImages  int           `json:"keepImages"`            // the number of images used last that stay; those in use stay in any case
	OlderThan   time.Duration `json:"olderThan,omitempty"`   // older synced paths and generations of profiles are deleted; 0: none
	MaxSize     int64         `json:"maxSize,omitempty"`     // deletion stops when the store has this size, in bytes; 0: all is deleted
	Host        string        `json:"host"`                  // the host that asks: it can tell whether the links of its pins are there
	ForgetDirs  []string      `json:"forgetDirs,omitempty"`  // projects of that host that are gone altogether
	ForgetHosts []string      `json:"forgetHosts,omitempty"` // other hosts that are gone
	DryRun      bool          `json:"dryRun,omitempty"`      // report what would be deleted, and delete nothing
	UntilEOF    bool          `json:"untilEOF,omitempty"`    // the collection ends when its input ends, as no container ends it
}

// A LinkState is what a host finds at the path of the link of one of its pins.
type LinkState string

// The states of a link.
const (
	LinkThere LinkState = "there"
	LinkGone  LinkState = "gone" // its directory is there without it
	LinkAway  LinkState = "away" // its directory is not there
)

// OriginGarbage is the origin of store paths without a root.
const OriginGarbage Origin = "garbage"

// A Decision says what garbage collection does with one thing in the store.
type Decision struct {
	Origin   Origin    `json:"origin"`
	Name     string    `json:"name"`
	Delete   bool      `json:"delete"`
	Reason   string    `json:"reason"`
	Size     int64     `json:"size"`              // NAR bytes of its closure, parts of which others may need too; of garbage, of its paths
	LastUsed time.Time `json:"lastUsed,omitzero"` // zero: not known
	Host     string    `json:"host,omitempty"`    // ID of the host that it belongs to; empty: the one that asks, or none
	Paths    int       `json:"paths,omitempty"`   // of garbage: number of store paths
}

// A GCResult is what garbage collection did, or would do. Sizes are NAR bytes of valid
// paths, which Nix knows without reading files.
type GCResult struct {
	Decisions  []Decision `json:"decisions"`
	SizeBefore int64      `json:"sizeBefore"` // of the store
	SizeAfter  int64      `json:"sizeAfter"`
	LiveSize   int64      `json:"liveSize"`   // of what roots need: without garbage the store has this size
	FreedSize  int64      `json:"freedSize"`  // includes leftovers of interrupted work, by their size on the disk
	FreedPaths int        `json:"freedPaths"` // number of store paths deleted
	DryRun     bool       `json:"dryRun"`     // nothing was deleted
}
