package agentapi

import "time"

// An Inspection is what is in a volume, and why. Sizes of store paths are those
// of their archives, as Nix counts them.
type Inspection struct {
	Store        Amount         `json:"store"` // all valid paths
	Live         Amount         `json:"live"`
	Dead         Amount         `json:"dead"`
	InvalidPaths int            `json:"invalidPaths"` // names in the store that are not valid: what was interrupted, or is under way
	Images       []ImageHolding `json:"images"`
	Roots        []Holding      `json:"roots"` // by their origin
	Home         Home           `json:"home"`
	Disk         Disk           `json:"disk"`
}

// An Amount is some store paths and the sum of their sizes in bytes.
type Amount struct {
	Paths int   `json:"paths"`
	Size  int64 `json:"size"`
}

// A Holding is what the roots of one origin keep from garbage collection. Origins
// share paths, so the sum of their closures is more than the store.
type Holding struct {
	Origin Origin `json:"origin"`
	Roots  int    `json:"roots"` // number of roots
	Closure
}

// A Closure is what some roots need, and the part of it that nothing else needs.
// Sizes are in bytes.
type Closure struct {
	ClosurePaths int   `json:"closurePaths"`
	ClosureSize  int64 `json:"closureSize"`
	UniquePaths  int   `json:"uniquePaths"`
	UniqueSize   int64 `json:"uniqueSize"`
}

// An ImageHolding is an image whose whole store is in the volume.
type ImageHolding struct {
	Stamp
	Closure
	LastUsed time.Time `json:"lastUsed"` // a sync is a use
	InUse    bool      `json:"inUse"`    // a container serves it now
}

// A Home is the HOME of all sessions on the volume, in bytes on the disk.
type Home struct {
	Path   string  `json:"path"`
	Size   int64   `json:"size"`
	Caches []Cache `json:"caches"`
}

// A Cache is a directory in HOME that may be deleted: what was in it is made
// anew when it is needed.
type Cache struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// A Disk is the file system that the volume is on, which it shares with all
// else that the engine has, in bytes.
type Disk struct {
	Free int64 `json:"free"`
	Size int64 `json:"size"`
}
