package maintenance

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Inspect tells what is in the volume that a command would use.
func Inspect(ctx context.Context, p *proxy.Proxy) (volume.Volume, agentapi.Inspection, error) {
	v, err := p.OpenVolume(ctx)
	if err != nil {
		return v.Volume, agentapi.Inspection{}, err
	}
	progress := p.Terminal.Start("reading volume " + v.Name)
	found, err := v.Inspect(ctx)
	progress.End(err)
	return v.Volume, found, err
}
