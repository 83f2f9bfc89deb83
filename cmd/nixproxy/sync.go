package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newSync(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sync",
		Short: "copy the image's store into the volume",
		Long:  "Copy the store of the image for this host's Nix into the volume. `run` does it\nby itself where it is needed; an image whose store is there costs one question.",
		Args:  between(0, 0, ""),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			stamp, volume, err := p.Sync(ctx)
			if err != nil {
				return err
			}
			a.terminal.Note("the store of %s is in volume %s", stamp.Reference, volume)
			return nil
		}),
	}
}
