// Package check inspects, verifies and repairs a volume.
package check

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Inspect writes an agentapi.Inspection. It only reads, so it need not wait for other work
// on the volume.
func Inspect(ctx context.Context, v layout.Volume, out io.Writer) error {
	leave, err := v.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	graph, err := nix.ReadGraph(ctx, v)
	if err != nil {
		return err
	}
	stamps, err := v.Stamps()
	if err != nil {
		return err
	}
	i := Inventory{Graph: graph, Roots: valid(graph, v.Roots())}
	found := agentapi.Inspection{Store: agentapi.Amount{Paths: len(graph), Size: graph.TotalSize()}, Roots: i.byOrigin(), Images: i.byImage(v, stamps),
		InvalidPaths: len(unregistered(v, graph)), Home: home(v), Disk: disk(v)}
	found.Live = i.amount(i.Kept(func(agentapi.Root) bool { return true }))
	found.Dead = agentapi.Amount{Paths: found.Store.Paths - found.Live.Paths, Size: found.Store.Size - found.Live.Size}
	return json.NewEncoder(out).Encode(found)
}

// valid leaves out the roots of paths that are not valid: they keep nothing.
func valid(graph nixstore.Graph, roots []agentapi.Root) []agentapi.Root {
	return slices.DeleteFunc(roots, func(r agentapi.Root) bool {
		_, ok := graph[r.Path]
		return !ok
	})
}

// An Inventory is a store's valid paths and the roots that keep them.
type Inventory struct {
	Graph nixstore.Graph
	Roots []agentapi.Root
}

// Kept returns the paths that the matching roots keep.
func (i Inventory) Kept(match func(agentapi.Root) bool) nixstore.Set {
	var paths []nixstore.Path
	for _, r := range i.Roots {
		if match(r) {
			paths = append(paths, r.Path)
		}
	}
	return i.Graph.Kept(paths...)
}

// closure measures what the matching roots keep, and what of it no other root keeps.
func (i Inventory) closure(match func(agentapi.Root) bool) agentapi.Closure {
	set := i.Kept(match)
	c := agentapi.Closure{ClosurePaths: len(set), ClosureSize: i.Graph.Size(set)}
	for path := range i.Kept(func(r agentapi.Root) bool { return !match(r) }) {
		delete(set, path)
	}
	c.UniquePaths, c.UniqueSize = len(set), i.Graph.Size(set)
	return c
}

func (i Inventory) amount(set nixstore.Set) agentapi.Amount {
	return agentapi.Amount{Paths: len(set), Size: i.Graph.Size(set)}
}

// byOrigin returns what the roots of each origin keep, without origins that have no roots.
func (i Inventory) byOrigin() []agentapi.Holding {
	all := []agentapi.Holding{}
	for _, origin := range agentapi.Origins {
		h := agentapi.Holding{Origin: origin}
		h.Closure = i.closure(func(r agentapi.Root) bool { return r.Origin == origin })
		for _, r := range i.Roots {
			if r.Origin == origin {
				h.Roots++
			}
		}
		if h.Roots > 0 {
			all = append(all, h)
		}
	}
	return all
}

// byImage returns what the roots of each image keep.
func (i Inventory) byImage(v layout.Volume, stamps []agentapi.Stamp) []agentapi.ImageHolding {
	all := []agentapi.ImageHolding{}
	for _, s := range stamps {
		h := agentapi.ImageHolding{Stamp: s, LastUsed: v.UsedAt(s), InUse: v.InUse(s.Identity)}
		dir := layout.InPlace.ImageRoots(s.Identity)
		h.Closure = i.closure(func(r agentapi.Root) bool { return layout.IsBelow(r.Link, dir) })
		all = append(all, h)
	}
	return all
}

// unregistered returns the names in the store that could be paths and are not valid.
func unregistered(v layout.Volume, graph nixstore.Graph) (found []nixstore.Path) {
	names, _ := readNames(v.Outside(nixstore.Dir))
	for _, name := range names {
		path := nixstore.Path(nixstore.Dir + "/" + name)
		if _, ok := graph[path]; !ok && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".lock") {
			found = append(found, path)
		}
	}
	return found
}

// readNames returns the names in a directory. It does not stat the files.
func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func disk(v layout.Volume) agentapi.Disk {
	var s unix.Statfs_t
	if err := unix.Statfs(string(v), &s); err != nil {
		return agentapi.Disk{}
	}
	return agentapi.Disk{Free: int64(s.Bavail) * int64(s.Bsize), Size: int64(s.Blocks) * int64(s.Bsize)} //nolint:unconvert // another type on macOS
}
