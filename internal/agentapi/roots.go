package agentapi

import "github.com/nixproxy/nixproxy/internal/nixstore"

// A Root keeps a store path, and all that it needs, from collectors.
type Root struct {
	Origin Origin
	Link   string // its path where the volume is /nix; of a process /proc/PID
	Path   nixstore.Path
}

// An Origin says what made a root.
type Origin string

// The origins of roots.
const (
	OriginImage   Origin = "image"   // the store of an image was copied
	OriginSync    Origin = "sync"    // a path came from a host's store, or from an archive
	OriginProject Origin = "project" // a link in a project holds it
	OriginProfile Origin = "profile" // a user's profile, with its generations
	OriginRunning Origin = "running" // a process uses it, or protects it by Nix's temporary roots
	OriginOther   Origin = "other"   // made by hand, or by another program
)

// Origins has all origins in the order of their display.
var Origins = []Origin{OriginImage, OriginSync, OriginProject, OriginProfile, OriginRunning, OriginOther}
