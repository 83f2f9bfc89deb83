package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newImage(a *app) *cobra.Command {
	return group("image", "list, pull, save, load and remove images",
		newImageList(a), newImagePull(a), newImageSave(a), newImageLoad(a), newImageRemove(a))
}

// withEngine makes a command of work that needs the engine.
func (a *app) withEngine(work func(context.Context, *proxy.Proxy, proxy.Engine, []string) error) func(*cobra.Command, []string) error {
	return a.withProxy(func(ctx context.Context, p *proxy.Proxy, args []string) error {
		e, err := p.OpenEngine(ctx)
		if err != nil {
			return err
		}
		return work(ctx, p, e, args)
	})
}
