package layout

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Roots returns what a collector in this container would take for roots
// (LocalStore::findRoots and findTempRoots in NixOS/nix src/libstore/gc.cc). It removes no
// stale ones. A link to a place that this container does not see, such as another
// project, is no root: pins exist for such links. A root may lead to a path that is not
// valid.
func (v Volume) Roots() []agentapi.Root {
	roots := append(v.temporaryRoots(), processRoots()...)
	for _, dir := range []string{v.State("gcroots"), v.State("profiles")} {
		roots = append(roots, v.linksBelow(dir)...)
	}
	slices.SortFunc(roots, func(a, b agentapi.Root) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Path, b.Path))
	})
	return slices.Compact(roots) // a link to a link is one root
}

// linksBelow returns the roots in a directory and below. It leaves out what cannot be
// read, as links come and go.
func (v Volume) linksBelow(dir string) []agentapi.Root {
	var roots []agentapi.Root
	_ = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		link := v.Inside(file)
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			if root, ok := v.Follow(link); ok {
				roots = append(roots, root)
			}
		case d.Type().IsRegular(): // a file with the name of a store path is a root too
			if path, err := nixstore.ParsePath(nixstore.Dir + "/" + d.Name()); err == nil {
				roots = append(roots, agentapi.Root{Origin: v.origin(link), Link: link, Path: path})
			}
		}
		return nil
	})
	return roots
}

// Follow returns the root that a link is. The link leads to a store path directly, or
// through one more link, such as ./result, which then names the root.
func (v Volume) Follow(link string) (agentapi.Root, bool) {
	for range 2 {
		target, err := os.Readlink(v.Outside(link))
		if err != nil {
			return agentapi.Root{}, false
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		if path, _, err := nixstore.Split(filepath.Clean(target)); err == nil {
			return agentapi.Root{Origin: v.origin(link), Link: link, Path: path}, true
		}
		link = target
	}
	return agentapi.Root{}, false
}

// Inside returns the path of a file of the volume where the volume is /nix.
func (v Volume) Inside(file string) string {
	return agentapi.Nix + strings.TrimPrefix(file, string(v))
}

// Outside returns the file of the volume that a path below /nix stands for. Other paths
// stay as they are.
func (v Volume) Outside(path string) string {
	if rest, ok := strings.CutPrefix(path, agentapi.Nix+"/"); ok {
		return filepath.Join(string(v), rest)
	}
	return path
}

// origin tells by a link's place what made it.
func (v Volume) origin(link string) agentapi.Origin {
	for _, known := range []struct {
		dir    string
		origin agentapi.Origin
	}{
		{v.ImageRoots(""), agentapi.OriginImage},
		{v.SyncRoots(), agentapi.OriginSync},
		{v.ProjectRoots(""), agentapi.OriginProject},
		{v.State("profiles"), agentapi.OriginProfile},
		{v.HomeProfiles(), agentapi.OriginProfile},
	} {
		if IsBelow(link, v.Inside(known.dir)) {
			return known.origin
		}
	}
	return agentapi.OriginOther
}

// IsBelow tells whether a path is a directory or lies in it.
func IsBelow(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/' || dir == "/")
}
