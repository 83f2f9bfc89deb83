package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newImagePull(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "pull",
		Short: "pull the image for this host's Nix, or for --nix-version",
		Args:  between(0, 0, ""),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e proxy.Engine, _ []string) error {
			nix, err := p.Nix(ctx)
			if err != nil {
				return err
			}
			source := p.Source()
			source.Pull = image.PullAlways
			found, err := source.Find(ctx, e, nix, a.terminal)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.out, found.Reference)
			return err
		}),
	}
}
