package check

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// home measures the sessions' HOME. Files in ~/.cache may be deleted at any time (XDG Base
// Directory Specification). Nix's evaluations and fetched sources are there.
func home(v layout.Volume) agentapi.Home {
	h := agentapi.Home{Path: v.Inside(v.Home()), Caches: []agentapi.Cache{}}
	caches := filepath.Join(v.Home(), ".cache")
	entries, _ := os.ReadDir(caches)
	for _, e := range entries {
		dir := filepath.Join(caches, e.Name())
		h.Caches = append(h.Caches, agentapi.Cache{Path: v.Inside(dir), Size: usage(dir)})
	}
	h.Size = usage(v.Home())
	return h
}

// usage returns the bytes that a directory takes on the disk, as far as it can be read. A
// file with several names counts once for each.
func usage(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		var s unix.Stat_t
		if err == nil && unix.Lstat(path, &s) == nil {
			n += s.Blocks * 512 // stat(2)
		}
		return nil
	})
	return n
}
