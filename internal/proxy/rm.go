package proxy

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/engine"
)

// Remove stops and removes the containers of a volume, or of all volumes if it is
// empty, and returns their names.
func (p *Proxy) Remove(ctx context.Context, volume string) ([]string, error) {
	return p.eachContainer(ctx, volume, func(e Engine, c engine.Container) (bool, error) {
		return true, e.RemoveContainer(ctx, c.ID)
	})
}
