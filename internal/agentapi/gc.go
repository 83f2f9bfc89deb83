package agentapi

import "time"

// A Plan says what a collection takes besides garbage, and how much.
type Plan struct {
	KeepImages  int           `json:"keepImages"`            // so many of those that were used last; those in use stay all the same
	OlderThan   time.Duration `json:"olderThan,omitempty"`   // synced paths and generations of profiles that are older go; 0: none
	MaxSize     int64         `json:"maxSize,omitempty"`     // no more than brings the store to this size, in bytes; 0: all
	Host        string        `json:"host"`                  // who asks: of its pins it can tell whether their links are there
	ForgetDirs  []string      `json:"forgetDirs,omitempty"`  // of its projects that are gone as a whole
	ForgetHosts []string      `json:"forgetHosts,omitempty"` // others that are gone
	DryRun      bool          `json:"dryRun,omitempty"`      // tell what would go; nothing does
	Heard       bool          `json:"heard,omitempty"`       // who asks is there as long as the input is: else nobody ends the collection
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

// OriginGarbage is no root's, but what is said of that which has none.
const OriginGarbage Origin = "garbage"

// A Fate is what becomes of one thing in the store.
type Fate struct {
	Origin Origin    `json:"origin"`
	Name   string    `json:"name"`
	Goes   bool      `json:"goes"`
	Why    string    `json:"why"`
	Size   int64     `json:"size"`            // NAR bytes of all that it needs, which others may need too
	Used   time.Time `json:"used,omitzero"`   // last
	Host   string    `json:"host,omitempty"`  // another one, whose it is
	Paths  int       `json:"paths,omitempty"` // of garbage
}

// Collected is what came of a collection. Sizes are NAR bytes of valid paths, as
// Nix knows them without looking at a file.
type Collected struct {
	Fates  []Fate `json:"fates"`
	Before int64  `json:"before"` // size of the store
	After  int64  `json:"after"`
	Live   int64  `json:"live"`  // what something needs: no collection of garbage alone brings the store below it
	Freed  int64  `json:"freed"` // what was left of interrupted work too, by what it took on the disk
	Paths  int    `json:"paths"` // that are gone
	DryRun bool   `json:"dryRun,omitempty"`
}
