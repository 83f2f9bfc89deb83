package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newImageRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm IMAGE...",
		Short: "remove images from the engine",
		Args:  between(1, -1, "at least one image, as `nixproxy image ls` names it"),
		RunE: a.withEngine(func(ctx context.Context, _ *proxy.Proxy, e proxy.Engine, refs []string) error {
			for _, ref := range refs {
				err := e.RemoveImage(ctx, ref)
				if engine.IsNotFound(err) {
					return hint.Add(fmt.Errorf("there is no image %s on the engine", ref), "`nixproxy image ls` lists those that are")
				}
				if err != nil {
					return err
				}
				a.terminal.Note("removed image %s", ref)
			}
			return nil
		}),
	}
}
