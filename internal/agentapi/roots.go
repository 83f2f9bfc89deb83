package agentapi

import "github.com/nixproxy/nixproxy/internal/nixstore"

// A Root is what keeps a store path, and all that it needs, from a collector.
type Root struct {
	Origin Origin
	Link   string // as it is called where the volume is /nix; of a process /proc/PID
	Path   nixstore.Path
}

// An Origin says what made a root.
type Origin string

const (
	OriginImage   Origin = "image"   // the store of an image was copied
	OriginSync    Origin = "sync"    // a path came from a host's store, or from an archive
	OriginProject Origin = "project" // a link in a project holds it
	OriginProfile Origin = "profile" // a user's profile, with its generations
	OriginRunning Origin = "running" // a process uses it, or has told Nix so
	OriginOther   Origin = "other"   // a root that somebody made by hand
)

// Origins are all of them, in the order in which people are shown them.
var Origins = []Origin{OriginImage, OriginSync, OriginProject, OriginProfile, OriginRunning, OriginOther}
