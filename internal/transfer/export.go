package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Export writes an archive of the volume, or of the closures of store paths, or
// links to them. version is nixproxy's own.
func Export(ctx context.Context, p *proxy.Proxy, version string, names []string, to io.Writer) error {
	places, err := follow(p.Host.Dir, names)
	if err != nil {
		return err
	}
	v, err := p.OpenVolume(ctx)
	if err != nil {
		return err
	}
	begin := func(c agentapi.Manifest) volume.Progress {
		return p.Terminal.Start(fmt.Sprintf("exporting %s of volume %s", terminal.Count(len(c.Paths), "store path"), v.Name))
	}
	if err := v.Export(ctx, pathsOf(places), version, to, begin); err != nil {
		return fmt.Errorf("exporting volume %s: %w", v.Name, err)
	}
	return nil
}
