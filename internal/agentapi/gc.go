package agentapi

import "time"

// A GCPlan says what garbage collection lets go of besides garbage, and how much
// it deletes.
type GCPlan struct {
	KeepImages  int           `json:"keepImages"`            // as many of the images used last stay; those in use stay in any case
	OlderThan   time.Duration `json:"olderThan,omitempty"`   // synced paths and generations of profiles that are older go; 0: none
	MaxSize     int64         `json:"maxSize,omitempty"`     // no more goes than brings the store to this size, in bytes; 0: all
	Host        string        `json:"host"`                  // the host that asks: of its pins it can tell whether their links are there
	ForgetDirs  []string      `json:"forgetDirs,omitempty"`  // projects of that host that are gone as a whole
	ForgetHosts []string      `json:"forgetHosts,omitempty"` // other hosts that are gone
	DryRun      bool          `json:"dryRun,omitempty"`      // tell what would go, and delete nothing
	UntilEOF    bool          `json:"untilEOF,omitempty"`    // the end of its input ends the collection: no container does
}

// A LinkState is what a host sees at the place of a link that one of its pins
// stands for.
type LinkState string

// The states of a link.
const (
	LinkThere LinkState = "there"
	LinkGone  LinkState = "gone" // from a directory that is there
	LinkAway  LinkState = "away" // as its directory is
)

// OriginGarbage is the origin of what has no root.
const OriginGarbage Origin = "garbage"

// A Decision says what garbage collection does with one thing in the store.
type Decision struct {
	Origin   Origin    `json:"origin"`
	Name     string    `json:"name"`
	Delete   bool      `json:"delete"`
	Reason   string    `json:"reason"`
	Size     int64     `json:"size"`              // NAR bytes of its closure, which others may need too; of garbage, of its paths
	LastUsed time.Time `json:"lastUsed,omitzero"` // zero: not known
	Host     string    `json:"host,omitempty"`    // ID of the host that it belongs to; empty: the one that asks, or none
	Paths    int       `json:"paths,omitempty"`   // number of store paths, of garbage
}

// A GCResult is what garbage collection did, or would do. Sizes are NAR bytes of
// valid paths, which Nix knows without looking at a file.
type GCResult struct {
	Decisions  []Decision `json:"decisions"`
	SizeBefore int64      `json:"sizeBefore"` // of the store
	SizeAfter  int64      `json:"sizeAfter"`
	LiveSize   int64      `json:"liveSize"`   // of what roots need: deleting garbage alone brings no store below it
	FreedSize  int64      `json:"freedSize"`  // with what interrupted work left, by what that took on the disk
	FreedPaths int        `json:"freedPaths"` // store paths that are gone
	DryRun     bool       `json:"dryRun"`     // nothing was deleted
}
