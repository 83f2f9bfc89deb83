package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/project"
)

func binds(mounts []project.Mount) []engine.Mount {
	var all []engine.Mount
	for _, m := range mounts {
		all = append(all, engine.Mount{Bind: m.Source, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	return all
}

// A misMount is a mount that does not show what the host has there.
type misMount struct {
	project.Mount
	denied  bool // the agent may not read it
	deleted bool // what it shows was removed from the host
	kind    engine.Kind
}

func (m *misMount) Error() string {
	if m.denied {
		return fmt.Sprintf("the engine may not read %s", m.Source)
	}
	return fmt.Sprintf("the engine does not see %s as this host does", m.Source)
}

// withHint adds to the error where the mount can be repaired.
func (m *misMount) withHint() error {
	if m.denied {
		return hint.Add(m, "%s", m.kind.Allowing(runtime.GOOS))
	}
	return hint.Add(m, "%s", m.kind.Sharing(m.Source))
}

// ensureMounted makes sure of a proxy container in which the mounted paths show what
// the host has there. A container in which they do not is removed, unless other
// commands may be using it.
func (p *Proxy) ensureMounted(ctx context.Context, b *base, wanted container.Proxy, mounts []project.Mount) (c engine.Container, fresh bool, err error) {
	before, err := b.engine.FindContainer(ctx, wanted.Name())
	ran := err == nil && before.Running()
	c, fresh, err = wanted.Ensure(ctx, b.engine, b.anchor)
	if err != nil {
		return c, fresh, explainRefusal(ctx, b.engine, mounts, err)
	}
	wrong, err := p.misMounted(ctx, b.engine, c.ID, mounts)
	if err != nil || wrong == nil {
		return c, fresh, err
	}
	wrong.kind = b.engine.Kind(ctx)
	if ran && !wrong.deleted {
		return c, fresh, wrong.withHint()
	}
	if err := b.engine.RemoveContainer(ctx, c.ID); err != nil {
		return c, fresh, err
	}
	if ran {
		// The project was removed and made anew, as by a fresh clone.
		return p.ensureMounted(ctx, b, wanted, mounts)
	}
	return c, fresh, wrong.withHint()
}

// explainRefusal adds what to do about a path for which an engine refused a
// container, as it does not see it.
func explainRefusal(ctx context.Context, e Engine, mounts []project.Mount, err error) error {
	if !engine.IsUnshared(err) {
		return err
	}
	for _, m := range slices.Backward(mounts) { // the project is above others
		if strings.Contains(err.Error(), m.Source) {
			return hint.Add(err, "%s", e.Kind(ctx).Sharing(m.Source))
		}
	}
	return err
}

// looks is how often a mount is looked at before a mount is said to show something else: an
// engine's virtual machine may see a change a moment later.
const looks = 3

// misMounted finds a mount that does not show what the host has there. It writes
// nothing. Engines in a virtual machine mount an empty directory for
// what is not shared with them.
func (p *Proxy) misMounted(ctx context.Context, e Engine, id string, mounts []project.Mount) (*misMount, error) {
	if len(mounts) == 0 {
		return nil, nil
	}
	var wrong *misMount
	for range looks {
		inside, outside := views(mounts)
		before := facts(outside)
		seen, err := factsInside(ctx, e, id, inside)
		if err != nil {
			return nil, err
		}
		if wrong = compare(mounts, steady(before, facts(outside)), seen); wrong == nil {
			return nil, nil
		}
		p.Terminal.Debug("%s is not seen inside as it is here: %q", wrong.Source, seen)
	}
	return wrong, nil
}

// views returns what to look at of each mount, inside and on the host, except for
// what another mount hides.
func views(mounts []project.Mount) (inside, outside []agentapi.View) {
	for _, m := range mounts {
		names := slices.DeleteFunc(project.Landmarks(m.Source), func(name string) bool {
			at := filepath.Join(m.Target, name) + "/"
			return slices.ContainsFunc(mounts, func(other project.Mount) bool {
				return len(other.Target) > len(m.Target) && strings.HasPrefix(at, other.Target+"/")
			})
		})
		inside = append(inside, agentapi.View{Path: m.Target, Names: names})
		outside = append(outside, agentapi.View{Path: m.Source, Names: names})
	}
	return inside, outside
}

// factsInside has the agent of a container look at what is mounted.
func factsInside(ctx context.Context, e Engine, id string, views []agentapi.View) ([][]string, error) {
	question, err := json.Marshal(views)
	if err != nil {
		return nil, err
	}
	answer, err := e.Output(ctx, id, string(question), agentapi.Binary, agentapi.ModeDescribe)
	if err != nil {
		return nil, fmt.Errorf("looking at what is mounted: %w", err)
	}
	var seen [][]string
	if err := json.Unmarshal(answer, &seen); err != nil || len(seen) != len(views) {
		return nil, fmt.Errorf("looking at what is mounted: the agent answered %q", answer)
	}
	return seen, nil
}

func facts(views []agentapi.View) (all [][]string) {
	for _, v := range views {
		all = append(all, v.Facts())
	}
	return all
}

// steady returns the facts that did not change from one look to the next. The rest
// is unknown.
func steady(before, after [][]string) [][]string {
	for i := range before {
		for j := range before[i] {
			if before[i][j] != after[i][j] {
				before[i][j] = agentapi.Unknown
			}
		}
	}
	return before
}

func compare(mounts []project.Mount, here, seen [][]string) *misMount {
	for i := range mounts {
		if !agree(here[i], seen[i]) {
			return &misMount{Mount: mounts[i], denied: slices.Contains(seen[i], agentapi.Denied), deleted: slices.Contains(seen[i], agentapi.Deleted)}
		}
	}
	return nil
}

// agree tells whether two lists of facts are of the same files: the path itself must
// be the same, and most of the names, as some may have changed just now. What the
// host itself does not know does not count; if it knows nothing, they agree.
func agree(here, there []string) bool {
	if len(here) != len(there) || known(here[0]) && here[0] != there[0] {
		return false
	}
	compared, alike := 0, 0
	for i, fact := range here[1:] {
		if known(fact) {
			compared++
		}
		if known(fact) && fact == there[i+1] {
			alike++
		}
	}
	return compared == 0 || 2*alike > compared
}

func known(fact string) bool {
	return fact != agentapi.Unknown && fact != agentapi.Denied && fact != agentapi.Nothing
}
