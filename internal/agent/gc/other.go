package gc

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// decideSynced drops the roots of paths that have not been synced for long.
func (c *collector) decideSynced(context.Context) error {
	before := time.Now().Add(-c.plan.OlderThan)
	for _, r := range c.rootsOf(agentapi.OriginSync) {
		f := agentapi.Decision{Origin: agentapi.OriginSync, Name: r.Path.Base(), LastUsed: changed(r.Link), Reason: "synced: --older-than lets go of it"}
		drop := c.plan.OlderThan > 0 && f.LastUsed.Before(before)
		if drop && !c.plan.DryRun {
			var err error
			if drop, err = c.DropSynced(r.Link, before); err != nil {
				return fmt.Errorf("dropping the root of %s: %w", r.Path, err)
			}
		}
		if drop {
			f.Delete, f.Reason = true, "synced last before that time"
		}
		c.add(f, r)
	}
	return nil
}

// decideProfiles makes Nix delete the generations that are too old.
func (c *collector) decideProfiles(ctx context.Context) error {
	roots, old := c.rootsOf(agentapi.OriginProfile), map[string]bool{}
	used := map[string]time.Time{}
	for _, r := range roots {
		used[r.Link] = changed(r.Link)
	}
	if c.plan.OlderThan > 0 {
		var err error
		if old, err = deleteGenerations(ctx, c.nix, profiles(c.Volume), c.plan.OlderThan, c.plan.DryRun); err != nil {
			return err
		}
	}
	for _, r := range roots {
		f := agentapi.Decision{Origin: agentapi.OriginProfile, Name: r.Link, LastUsed: used[r.Link], Reason: "a generation of a profile"}
		if old[r.Link] {
			f.Delete, f.Reason = true, "a generation that is not the current one, and old"
		}
		c.add(f, r)
	}
	return nil
}

// decideOthers lists the roots that only their owners drop.
func (c *collector) decideOthers(context.Context) error {
	if running := c.rootsOf(agentapi.OriginRunning); len(running) > 0 {
		c.add(agentapi.Decision{Origin: agentapi.OriginRunning, Name: "processes and builds", Reason: "they run"}, running...)
	}
	for _, r := range c.rootsOf(agentapi.OriginOther) {
		c.add(agentapi.Decision{Origin: agentapi.OriginOther, Name: r.Link, LastUsed: changed(r.Link), Reason: "a root that is not nixproxy's"}, r)
	}
	return nil
}

// changed returns a link's own time, or the zero time if the link is gone.
func changed(link string) time.Time {
	info, err := os.Lstat(link)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
