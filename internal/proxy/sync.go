package proxy

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/agent"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Sync makes sure that the image's store is in the volume, and returns its
// stamp and the volume's name.
func (p *Proxy) Sync(ctx context.Context) (stamp agent.Stamp, name string, err error) {
	err = p.onStore(ctx, func(o volume.Open, has agent.Stamp) error {
		stamp, name = has, o.Name
		return nil
	})
	return stamp, name, err
}
