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

// GC collects garbage in the volume as the plan says. The plan needs no host, and its
// directories may be written as the user did. GC returns the volume's name too.
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

// complete adds this host to a plan, and makes its directories absolute.
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

// realAsFarAsThere resolves the links in the part of a path that exists. The rest may
// have been removed.
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

// linkState returns the state of a link of this host for which the volume keeps
// something. A link is gone only if its directory is there and not empty: a disk may
// be about to be mounted on an empty one.
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
