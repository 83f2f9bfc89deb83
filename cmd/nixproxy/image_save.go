package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newImageSave(a *app) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "save [-o FILE] [IMAGE...]",
		Short: "write images as an archive; without IMAGE that of this host's Nix",
		Args:  between(0, -1, ""),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e proxy.Engine, refs []string) error {
			if len(refs) == 0 {
				nix, err := p.Nix(ctx)
				if err != nil {
					return err
				}
				found, err := p.Source().Find(ctx, e, nix, a.terminal)
				if err != nil {
					return err
				}
				refs = []string{found.Reference}
			}
			return a.output(file, func(to io.Writer) error { return image.Save(ctx, e, refs, to, a.terminal) })
		}),
	}
	outputFlag(c, &file)
	return c
}
