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
	return p.eachContainer(ctx, p.Settings.Volume, func(e Engine, c engine.Container) (bool, error) {
		return c.Running(), e.StopContainer(ctx, c.ID, grace)
	})
}

// eachContainer works from the proxy containers to the anchor, on which the
// others depend. It returns the names of those for which work returns true.
func (p *Proxy) eachContainer(ctx context.Context, volume string, work func(Engine, engine.Container) (bool, error)) ([]string, error) {
	e, unlock, err := p.LockEngine(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	list, err := container.List(ctx, e, volume)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b engine.Container) int {
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

func rank(c engine.Container) int {
	order := []container.Role{container.RoleProxy, container.RoleThrowaway, container.RoleAnchor}
	return slices.Index(order, container.Role(c.Labels[container.LabelRole]))
}
