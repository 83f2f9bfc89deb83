package proxy

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Sync makes sure that the image's store is in the volume, and returns its
// stamp and the volume's name.
func (p *Proxy) Sync(ctx context.Context) (stamp agentapi.Stamp, name string, err error) {
	err = p.onStore(ctx, func(o volume.Open, has agentapi.Stamp) error {
		stamp, name = has, o.Name
		return nil
	})
	return stamp, name, err
}
