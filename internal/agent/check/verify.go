package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/input"
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Verify reads all valid paths of the volume, and tells which are not as registered.
// Unlike `nix-store --verify` it changes nothing in the database, which would forget a
// path that is missing; it needs no Nix of the volume's own, which may be what is broken;
// and it reads as many paths at once as there are processors. Its input is a line of
// JSON: whether to repair what needs no image. It runs in the anchor, while jobs may run,
// and ends with its input, as then nobody waits for it.
func Verify(ctx context.Context, v layout.Volume, in io.Reader, out io.Writer) error {
	var repair bool
	ctx, leave, err := input.ReadRequest(ctx, v, in, &repair)
	if err != nil {
		return err
	}
	defer leave()
	found, err := verify(ctx, v, repair, agentapi.NewTeller(out))
	if err != nil {
		return err
	}
	return agentapi.NewTeller(out).Result(found)
}

func verify(ctx context.Context, v layout.Volume, repair bool, tell agentapi.Teller) (found agentapi.Verification, err error) {
	release, err := blockCollectors(ctx, v)
	if err != nil {
		return found, fmt.Errorf("keeping collectors away: %w", err)
	}
	defer release()
	graph, err := nix.ReadGraph(ctx, v)
	if err != nil {
		return found, err
	}
	found.Store = agentapi.Amount{Paths: len(graph), Size: graph.TotalSize()}
	if found.Broken, err = broken(ctx, v, graph, tell); err != nil {
		return found, err
	}
	reread := func() (nixstore.Graph, error) { return nix.ReadGraph(ctx, v) }
	if found.Faults, found.Leftovers, err = Faults(v, graph, reread, repair); err != nil {
		return found, err
	}
	return found, nameImages(v, graph, found.Broken)
}

// blockCollectors makes the collectors of all Nix processes wait until release, so that no
// path goes away while it is read (as LocalStore::verifyStore in NixOS/nix
// src/libstore/local-store.cc). It waits for a collector that runs.
func blockCollectors(ctx context.Context, v layout.Volume) (release func(), err error) {
	return filelock.Acquire(ctx, v.State("gc.lock"), filelock.Shared)
}

// broken reads all paths of a graph, and returns those that are not as registered.
func broken(ctx context.Context, v layout.Volume, graph nixstore.Graph, tell agentapi.Teller) ([]agentapi.BrokenPath, error) {
	all := reader{ended: ctx.Err, tell: tell, total: graph.TotalSize(), broken: []agentapi.BrokenPath{}}
	todo := make(chan nixstore.Info)
	var readers sync.WaitGroup
	for range runtime.NumCPU() {
		readers.Go(func() {
			for info := range todo {
				all.checkPath(v, info)
			}
		})
	}
	for _, info := range graph {
		if ctx.Err() != nil {
			break
		}
		todo <- info
	}
	close(todo)
	readers.Wait()
	slices.SortFunc(all.broken, func(a, b agentapi.BrokenPath) int { return cmp.Compare(a.Path, b.Path) })
	return all.broken, ctx.Err()
}

// A reader counts the progress of all goroutines that read a store.
type reader struct {
	ended func() error // returns an error when nobody waits any more
	tell  agentapi.Teller
	total int64 // bytes

	mu       sync.Mutex
	done     int64
	reported time.Time
	broken   []agentapi.BrokenPath
}

func (r *reader) checkPath(v layout.Volume, info nixstore.Info) {
	what := ""
	switch hash, err := nixstore.NarHash(v.Outside(string(info.Path)), r.read); {
	case r.ended() != nil:
		return
	case errors.Is(err, os.ErrNotExist):
		what = "missing"
	case err != nil:
		what = fmt.Sprintf("cannot be read: %v", err)
	case hash != info.NarHash:
		what = "changed"
	default:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, agentapi.BrokenPath{Path: info.Path, Problem: what, NarHash: info.NarHash, NarSize: info.NarSize})
}

// read reports progress, at most every 50 ms.
func (r *reader) read(bytes int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += int64(bytes)
	if now := time.Now(); now.Sub(r.reported) > 50*time.Millisecond {
		r.reported = now
		r.tell.Progress(min(r.done, r.total), r.total)
	}
	return r.ended()
}

// nameImages finds the stamped images that need a broken path.
func nameImages(v layout.Volume, graph nixstore.Graph, broken []agentapi.BrokenPath) error {
	stamps, err := v.Stamps()
	if err != nil || len(broken) == 0 {
		return err
	}
	for _, s := range stamps {
		closure := graph.Closure(s.Paths()...)
		for n := range broken {
			if closure[broken[n].Path] {
				broken[n].Images = append(broken[n].Images, s.Identity)
			}
		}
	}
	return nil
}
