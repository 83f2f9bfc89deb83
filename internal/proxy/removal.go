package proxy

import (
	"context"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// A Removal is a volume that may be removed, and what would go with it.
type Removal struct {
	Volume  string
	Running []ContainerStatus    // but the anchor; what is under way in them would end
	Holds   *agentapi.Inspection // nil: nobody can look into it
}

// RemovableVolumes checks that volumes are there and that nixproxy made them.
// Without any it returns the one that a command would use.
func (p *Proxy) RemovableVolumes(ctx context.Context, names []string) ([]string, error) {
	want, e, info, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = []string{want.volumeOn(info)}
	}
	for _, name := range names {
		found, err := e.FindVolume(ctx, name)
		if engine.IsNotFound(err) {
			return nil, fmt.Errorf("there is no volume %s: `nixproxy volume ls` lists those that are there", name)
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

// Removal tells what would go with a volume. It may be removed however little
// can be told.
func (p *Proxy) Removal(ctx context.Context, name string) (Removal, error) {
	r := Removal{Volume: name}
	e, err := p.Engine(ctx)
	if err != nil {
		return r, err
	}
	all, err := containerStatus(ctx, e, name)
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
	if _, found, err := of.InspectVolume(ctx); err == nil {
		r.Holds = &found
	}
	return r, nil
}
