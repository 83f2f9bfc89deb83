package gc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/pins"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// hostAnswers bounds the time in which the host checks its links. Its sessions wait
// meanwhile.
const hostAnswers = 10 * time.Second

// decidePins drops the pins whose links the host reports as gone, and those that are to be
// forgotten.
func (c *collector) decidePins(ctx context.Context) error {
	all := pins.All(c.Volume)
	if err := c.checkForgotten(all); err != nil {
		return err
	}
	own := slices.ContainsFunc(all, func(p pins.Pin) bool { return p.Host == c.plan.Host })
	states := map[string]agentapi.LinkState{}
	if own {
		// An agent that updates its pins meanwhile waits, and then makes them again.
		unlock, err := pins.Lock(c.Volume, c.plan.Host)
		if err != nil {
			return err
		}
		defer unlock()
		states = c.askHost(ctx, all)
	}
	for _, p := range all {
		f := agentapi.Decision{Origin: agentapi.OriginProject, Name: p.Link}
		if p.Host == c.plan.Host {
			f.Delete, f.Reason = c.decideOwnPin(p, states[p.Link])
		} else {
			f.Host = p.Host
			f.Delete, f.Reason = c.decideOtherPin(p)
		}
		c.add(f, c.pinRoots(p)...)
		if f.Delete && !c.plan.DryRun {
			if err := p.Drop(c.Volume); err != nil {
				return fmt.Errorf("dropping the root of %s: %w", p.Link, err)
			}
		}
	}
	return nil
}

// checkForgotten refuses a directory or a host without pins: the user may have mistyped it.
func (c *collector) checkForgotten(all []pins.Pin) error {
	for _, dir := range c.plan.ForgetDirs {
		if !slices.ContainsFunc(all, func(p pins.Pin) bool { return p.Host == c.plan.Host && layout.IsBelow(p.Link, dir) }) {
			return hint.Add(fmt.Errorf("--forget %s: nothing is kept for links in it that this host has made", dir), "`nixproxy volume gc --dry-run` lists them")
		}
	}
	for _, host := range c.plan.ForgetHosts {
		if !slices.ContainsFunc(all, func(p pins.Pin) bool { return p.Host == host && host != c.plan.Host }) {
			return hint.Add(fmt.Errorf("--forget-host %s: nothing is kept for another host of that name", host), "`nixproxy volume gc --dry-run` lists them")
		}
	}
	return nil
}

// pinRoots returns the root that a pin is, or none if that holds no store path.
func (c *collector) pinRoots(p pins.Pin) (roots []agentapi.Root) {
	for _, r := range c.rootsOf(agentapi.OriginProject) {
		if r.Link == p.Root(c.Volume) {
			roots = append(roots, r)
		}
	}
	return roots
}

// askHost asks the host for the states of its links. If it does not answer, none is known.
func (c *collector) askHost(ctx context.Context, all []pins.Pin) map[string]agentapi.LinkState {
	var links []string
	for _, p := range all {
		if p.Host == c.plan.Host && !p.Elsewhere() {
			links = append(links, p.Link)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, hostAnswers)
	defer cancel()
	states := map[string]agentapi.LinkState{}
	if err := c.events.Ask(ctx, c.answers, links, &states); err != nil {
		return nil
	}
	return states
}

// decideOwnPin decides about a pin of the host that asks.
func (c *collector) decideOwnPin(p pins.Pin, state agentapi.LinkState) (drop bool, reason string) {
	forgotten := slices.ContainsFunc(c.plan.ForgetDirs, func(dir string) bool { return layout.IsBelow(p.Link, dir) })
	switch {
	case state == agentapi.LinkThere:
		return false, "its link is there"
	case forgotten:
		return true, "its project is to be forgotten"
	case p.Elsewhere():
		return false, "mounted elsewhere than it is on the host: a session there looks after it, or --forget DIR"
	case state == agentapi.LinkGone:
		return true, "its link is gone"
	case state == agentapi.LinkAway:
		return false, "its directory is away: if for good, --forget DIR"
	}
	return false, "nobody could look after its link"
}

// decideOtherPin decides about a pin of another host.
func (c *collector) decideOtherPin(p pins.Pin) (drop bool, reason string) {
	if slices.Contains(c.plan.ForgetHosts, p.Host) {
		return true, "its host is to be forgotten"
	}
	return false, "another host's: if that is gone, --forget-host " + p.Host
}
