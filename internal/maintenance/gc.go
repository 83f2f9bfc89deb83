// Package maintenance keeps volumes good: it lists, inspects, verifies and repairs
// them, collects their garbage, and removes them.
package maintenance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// GC collects garbage in the volume as the plan says, which lacks the host and has
// the directories to forget as the user wrote them. It returns the volume's name
// too.
func GC(ctx context.Context, p *proxy.Proxy, plan agentapi.GCPlan) (c agentapi.GCResult, name string, err error) {
	if plan, err = complete(p, plan); err != nil {
		return c, "", err
	}
	v, err := p.OpenVolume(ctx)
	if err != nil {
		return c, v.Name, err
	}
	title := "collecting garbage in volume "
	if plan.DryRun {
		title = "looking for garbage in volume "
	}
	begin := func() volume.Progress { return p.Terminal.Start(title + v.Name) }
	c, err = v.GC(ctx, plan, linkState, begin)
	if err == nil && c.FreedSize > 0 && !c.DryRun {
		explainDisk(ctx, p, v.Engine)
	}
	return c, v.Name, err
}

// complete adds to a plan what this host is called, and where its directories are.
func complete(p *proxy.Proxy, plan agentapi.GCPlan) (agentapi.GCPlan, error) {
	key, err := p.State.ClientKey()
	if err != nil {
		return plan, err
	}
	plan.Host = agentapi.HostName(key.PublicKey().Marshal())
	for i, dir := range plan.ForgetDirs {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(p.Host.Dir, dir)
		}
		plan.ForgetDirs[i] = realAsFarAsThere(filepath.Clean(dir))
	}
	return plan, nil
}

// explainDisk tells how the host's disk gets back what was freed, where the
// engine does not see to that.
func explainDisk(ctx context.Context, p *proxy.Proxy, e proxy.Engine) {
	if p.Host.System != "darwin" {
		return // nothing is between the engine and the disk
	}
	if command := e.Kind(ctx).Reclaiming(p.Host.System); command != "" {
		p.Terminal.Note("this gives what was freed back to the disk: %s", command)
	}
}

// realAsFarAsThere is a path with the links resolved in that part of it that
// exists: the rest may have been removed.
func realAsFarAsThere(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	return filepath.Join(realAsFarAsThere(dir), filepath.Base(path))
}

// linkState looks at a link of this host that the volume keeps something for. It is
// gone only if its directory is there, with something in it: an empty one may be
// where a disk is to be mounted.
func linkState(link string) agentapi.LinkState {
	target, err := os.Readlink(link)
	if err == nil && strings.HasPrefix(filepath.Clean(target), nixstore.Dir+"/") {
		return agentapi.LinkThere
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.EINVAL) {
		return agentapi.LinkAway
	}
	dir, err := os.Open(filepath.Dir(link))
	if err != nil {
		return agentapi.LinkAway
	}
	defer dir.Close()
	if _, err := dir.Readdirnames(1); err != nil {
		return agentapi.LinkAway
	}
	return agentapi.LinkGone
}
