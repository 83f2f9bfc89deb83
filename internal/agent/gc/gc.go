// Package gc drops roots that are not needed any more, and makes a volume's own Nix collect
// the garbage.
package gc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/nixproxy/nixproxy/internal/agent/check"
	"github.com/nixproxy/nixproxy/internal/agent/input"
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixlog"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A collector is one garbage collection: what it has found, and what it has decided.
type collector struct {
	layout.Volume
	plan      agentapi.GCPlan
	events    agentapi.Teller
	answers   io.Reader
	nix       nix.Own
	graph     nixstore.Graph
	roots     []agentapi.Root
	dropped   map[string]bool // links of the roots that were dropped
	decisions []agentapi.Decision
}

// Run is the job of a throwaway container: it drops the roots that the plan names, and
// makes the volume's own Nix collect the garbage. A root goes before its store path, and an
// image's stamp before its roots, so that a kill at any moment leaves nothing half there.
// The result is an agentapi.GCResult.
func Run(ctx context.Context, plan string, in io.Reader, out io.Writer) error {
	c := collector{Volume: layout.InPlace, events: agentapi.NewTeller(out), answers: in, dropped: map[string]bool{}}
	if err := json.Unmarshal([]byte(plan), &c.plan); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	if c.plan.UntilEOF {
		ctx, c.answers = input.UntilEnd(ctx, in)
	}
	leave, err := c.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	if err := c.readStore(ctx); err != nil {
		return err
	}
	before, left := c.graph, check.Leftovers(c.Volume, c.graph, c.roots)
	if size := before.TotalSize(); c.plan.MaxSize > 0 && size <= c.plan.MaxSize {
		return c.events.Result(agentapi.GCResult{Decisions: []agentapi.Decision{}, SizeBefore: size, SizeAfter: size, LiveSize: before.Size(c.live()), DryRun: c.plan.DryRun})
	}
	if err := c.decide(ctx); err != nil {
		return err
	}
	live := c.live()
	if err := c.deleteGarbage(ctx, live); err != nil {
		return err
	}
	return c.events.Result(c.result(before, live, left))
}

// readStore reads what is in the store, and its roots.
func (c *collector) readStore(ctx context.Context) (err error) {
	if c.nix, err = nix.FindOwn(c.Volume); err != nil {
		return err
	}
	if c.graph, err = nix.ReadGraph(ctx, c.Volume); err != nil {
		return err
	}
	c.roots = c.Roots()
	return nil
}

// decide decides about each root, and drops those that nobody needs.
func (c *collector) decide(ctx context.Context) error {
	for _, decide := range []func(context.Context) error{c.decidePins, c.decideImages, c.decideSynced, c.decideProfiles, c.decideOthers} {
		if err := decide(ctx); err != nil {
			return err
		}
	}
	return nil
}

// add records the decision about something that some roots keep.
func (c *collector) add(f agentapi.Decision, roots ...agentapi.Root) {
	var paths []nixstore.Path
	for _, r := range roots {
		paths = append(paths, r.Path)
		if f.Delete {
			c.dropped[r.Link] = true
		}
	}
	f.Size = c.graph.Size(c.graph.Closure(paths...))
	c.decisions = append(c.decisions, f)
}

// rootsOf returns the roots of an origin.
func (c *collector) rootsOf(origin agentapi.Origin) (all []agentapi.Root) {
	for _, r := range c.roots {
		if r.Origin == origin {
			all = append(all, r)
		}
	}
	return all
}

// live returns the paths that the remaining roots keep.
func (c *collector) live() nixstore.Set {
	return check.Inventory{Graph: c.graph, Roots: c.roots}.Kept(func(r agentapi.Root) bool { return !c.dropped[r.Link] })
}

// deleteGarbage collects the garbage, or with DryRun finds out what would be collected.
func (c *collector) deleteGarbage(ctx context.Context, live nixstore.Set) error {
	if c.plan.DryRun {
		c.graph = c.simulate(live)
		return nil
	}
	if err := c.runCollector(ctx); err != nil {
		return err
	}
	return c.Flush()
}

func (c *collector) runCollector(ctx context.Context) error {
	if c.plan.MaxSize == 0 {
		if err := collectGarbage(ctx, c.nix); err != nil {
			return err
		}
		return c.readGraph(ctx)
	}
	// Nix's limit is in bytes of the disk, where a path takes more or less than in its
	// archive. So one collection may not be enough.
	for size := c.graph.TotalSize(); size > c.plan.MaxSize; {
		if err := collectGarbage(ctx, c.nix, "--max-freed", strconv.FormatInt(size-c.plan.MaxSize, 10)); err != nil {
			return err
		}
		if err := c.readGraph(ctx); err != nil {
			return err
		}
		left := c.graph.TotalSize()
		if left >= size {
			return nil
		}
		size = left
	}
	return nil
}

func (c *collector) readGraph(ctx context.Context) (err error) {
	c.graph, err = nix.ReadGraph(ctx, c.Volume)
	return err
}

// simulate returns the store as it would be afterwards. If only a part of the garbage is
// deleted, Nix chooses which.
func (c *collector) simulate(live nixstore.Set) nixstore.Graph {
	after, size := nixstore.Graph{}, c.graph.TotalSize()
	for path, info := range c.graph {
		if live[path] || c.plan.MaxSize > 0 && size <= c.plan.MaxSize {
			after[path] = info
			continue
		}
		size -= info.NarSize
	}
	return after
}

// result compares the store with what it was before. Others may have added paths
// meanwhile.
func (c *collector) result(before nixstore.Graph, live nixstore.Set, left map[nixstore.Path]int64) agentapi.GCResult {
	r := agentapi.GCResult{SizeBefore: before.TotalSize(), SizeAfter: c.graph.TotalSize(), LiveSize: before.Size(live), DryRun: c.plan.DryRun}
	for path, info := range before {
		if _, still := c.graph[path]; !still {
			r.FreedPaths++
			r.FreedSize += info.NarSize
		}
	}
	garbage := agentapi.Decision{Origin: agentapi.OriginGarbage, Delete: true, Size: r.FreedSize, Paths: r.FreedPaths, Reason: "nothing needs them"}
	if c.plan.MaxSize > 0 {
		garbage.Reason += ", and the store was larger than it may be"
	}
	unfinished := agentapi.Decision{Origin: agentapi.OriginGarbage, Delete: true, Reason: "what was to become of them was interrupted"}
	unfinished.Paths, unfinished.Size = c.countDeleted(left)
	r.FreedPaths, r.FreedSize = r.FreedPaths+unfinished.Paths, r.FreedSize+unfinished.Size
	r.Decisions = append(slices.Clone(c.decisions), garbage, unfinished)
	return r
}

// collectGarbage runs Nix's own collector.
func collectGarbage(ctx context.Context, own nix.Own, args ...string) error {
	command := own.Command(ctx, "nix-store", append([]string{"--gc", "--log-format", "internal-json"}, args...)...)
	log := new(nixlog.Log)
	command.Stderr = log
	if err := command.Run(); err != nil {
		return fmt.Errorf("collecting garbage: %w", log.Explain(err))
	}
	return nil
}

// countDeleted counts the leftovers that were deleted, or would be.
func (c *collector) countDeleted(left map[nixstore.Path]int64) (paths int, size int64) {
	all := c.plan.DryRun && c.plan.MaxSize == 0
	for path, bytes := range left {
		if _, err := os.Lstat(c.Outside(string(path))); all || err != nil {
			paths, size = paths+1, size+bytes
		}
	}
	return paths, size
}
