package maintenance

import (
	"context"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// A Removal is a volume that may be removed, and what would go with it.
type Removal struct {
	Volume  string
	Running []proxy.ContainerStatus // but the anchor; what is under way in them would end
	Holds   *agentapi.Inspection    // nil: nobody can look into it
}

// Removable checks that volumes are there and that nixproxy made them.
// Without any it returns the one that a command would use.
func Removable(ctx context.Context, p *proxy.Proxy, names []string) ([]string, error) {
	target, err := p.Target(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = []string{target.VolumeName()}
	}
	for _, name := range names {
		found, err := target.Engine.FindVolume(ctx, name)
		if engine.IsNotFound(err) {
			return nil, hint.Add(fmt.Errorf("there is no volume %s", name), "`nixproxy volume ls` lists those that are there")
		}
		if err != nil {
			return nil, err
		}
		if _, ours := found.Labels[volume.LabelLayout]; !ours {
			return nil, fmt.Errorf("volume %s was not made by nixproxy, which removes none but its own", name)
		}
	}
	return names, nil
}

// NewRemoval tells what would go with a volume. A volume that cannot be looked into
// may be removed all the same.
func NewRemoval(ctx context.Context, p *proxy.Proxy, name string) (Removal, error) {
	r := Removal{Volume: name}
	e, err := p.OpenEngine(ctx)
	if err != nil {
		return r, err
	}
	all, err := proxy.StatusOfContainers(ctx, e, name)
	if err != nil {
		return r, err
	}
	for _, c := range all {
		if c.Role != string(container.RoleAnchor) && c.State == "running" {
			r.Running = append(r.Running, c)
		}
	}
	of := *p
	of.Settings.Volume = name
	if _, found, err := Inspect(ctx, &of); err == nil {
		r.Holds = &found
	}
	return r, nil
}

// Names returns the names of all volumes that nixproxy made, or of the one that is
// set, if it is there.
func Names(ctx context.Context, p *proxy.Proxy) ([]string, error) {
	e, err := p.OpenEngine(ctx)
	if err != nil {
		return nil, err
	}
	label := container.LabelVolume
	if p.Settings.Volume != "" {
		label += "=" + p.Settings.Volume
	}
	volumes, err := e.Volumes(ctx, label)
	var names []string
	for _, v := range volumes {
		names = append(names, v.Name)
	}
	return names, err
}

// Remove removes a volume that is ours and that no container uses.
func Remove(ctx context.Context, p *proxy.Proxy, name string) error {
	e, unlock, err := p.LockEngine(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return e.RemoveVolume(ctx, name)
}
