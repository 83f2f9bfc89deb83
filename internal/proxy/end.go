package proxy

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// grace is what a container's process has to end by itself.
const grace = 5 * time.Second

// Stop stops all of nixproxy's containers on the engine, or those of the volume
// that is set, and returns the names of those that ran.
func (p *Proxy) Stop(ctx context.Context) ([]string, error) {
	return p.eachContainer(ctx, p.Settings.Volume, func(e *engine.Engine, c engine.Container) (bool, error) {
		return c.Running(), e.StopContainer(ctx, c.ID, grace)
	})
}

// Remove stops and removes the containers of a volume, or of all volumes if it is
// empty, and returns their names.
func (p *Proxy) Remove(ctx context.Context, volume string) ([]string, error) {
	return p.eachContainer(ctx, volume, func(e *engine.Engine, c engine.Container) (bool, error) {
		return true, e.RemoveContainer(ctx, c.ID)
	})
}

// eachContainer works from the proxy containers to the anchor, on which the
// others depend.
func (p *Proxy) eachContainer(ctx context.Context, volume string, work func(*engine.Engine, engine.Container) (bool, error)) ([]string, error) {
	e, unlock, err := p.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	list, err := container.List(ctx, e, volume)
	if err != nil {
		return nil, err
	}
	order := []container.Role{container.RoleProxy, container.RoleThrowaway, container.RoleAnchor}
	slices.SortFunc(list, func(a, b engine.Container) int {
		rank := func(c engine.Container) int {
			return slices.Index(order, container.Role(c.Labels[container.LabelRole]))
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
	var names []string
	for _, c := range list {
		done, err := work(e, c)
		if err != nil {
			return names, err
		}
		if done {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// Volumes returns the names of all volumes that nixproxy made, or of the one
// that is set, if it is there.
func (p *Proxy) Volumes(ctx context.Context) ([]string, error) {
	e, err := p.Engine(ctx)
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

// RemoveVolume removes a volume that is ours and that no container uses.
func (p *Proxy) RemoveVolume(ctx context.Context, name string) error {
	e, unlock, err := p.alone(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return e.RemoveVolume(ctx, name)
}

// alone opens the engine with its lock held.
func (p *Proxy) alone(ctx context.Context) (*engine.Engine, func(), error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, nil, err
	}
	unlock, err := p.lock(ctx, endpoint)
	if err != nil {
		return nil, nil, err
	}
	e, _, err := p.open(ctx, endpoint)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return e, unlock, nil
}

// lock orders everything that changes an engine.
func (p *Proxy) lock(ctx context.Context, endpoint engine.Endpoint) (func(), error) {
	return p.State.Lock(ctx, "engine-"+digest(endpoint.Address), func() {
		p.Terminal.Note("waiting for another nixproxy that is setting up on this engine")
	})
}

// Engine opens the engine that the settings mean.
func (p *Proxy) Engine(ctx context.Context) (*engine.Engine, error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, err
	}
	e, _, err := p.open(ctx, endpoint)
	return e, err
}
