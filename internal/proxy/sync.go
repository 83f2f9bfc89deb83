package proxy

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/agent"
)

// Sync makes sure that the image's store is in the volume, and returns its
// stamp and the volume's name.
func (p *Proxy) Sync(ctx context.Context) (agent.Stamp, string, error) {
	want, err := p.want(ctx)
	if err != nil {
		return agent.Stamp{}, "", err
	}
	want.explain(p.Terminal)
	unlock, err := p.lock(ctx, want.endpoint)
	if err != nil {
		return agent.Stamp{}, "", err
	}
	defer unlock()
	var stamp agent.Stamp
	var name string
	err = p.onBase(ctx, want, func(b *base) error {
		stamp, name = b.stamp, b.volume.Name
		return nil
	})
	return stamp, name, err
}
