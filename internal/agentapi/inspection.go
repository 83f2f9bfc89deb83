package agentapi

import "time"

// An Inspection is what is in a volume, and what keeps it. Sizes of store paths are NAR
// bytes.
type Inspection struct {
	Store        Amount         `json:"store"` // all valid paths
	Live         Amount         `json:"live"`
	Dead         Amount         `json:"dead"`
	InvalidPaths int            `json:"invalidPaths"` // names in the store that are not valid: of interrupted or running work
	Images       []ImageHolding `json:"images"`
	Roots        []Holding      `json:"roots"` // by origin
	Home         Home           `json:"home"`
	Disk         Disk           `json:"disk"`
}

// An Amount is a number of store paths and the sum of their sizes in bytes.
type Amount struct {
	Paths int   `json:"paths"`
	Size  int64 `json:"size"`
}

// A Holding is what the roots of one origin keep from garbage collection. Origins share
// paths, so the sum of their closures may exceed the store.
type Holding struct {
	Origin Origin `json:"origin"`
	Roots  int    `json:"roots"` // number of roots
	Closure
}

// A Closure is what some roots need. Unique is the part that no other root needs. Sizes are
// in bytes.
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

// A Home is the HOME of all sessions on the volume. Sizes are bytes on the disk.
type Home struct {
	Path   string  `json:"path"`
	Size   int64   `json:"size"`
	Caches []Cache `json:"caches"`
}

// A Cache is a directory in HOME that may be deleted: programs make its content again when
// they need it.
type Cache struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// A Disk is the file system of the volume, in bytes. Images and other volumes of the
// engine are on it too.
type Disk struct {
	Free int64 `json:"free"`
	Size int64 `json:"size"`
}
