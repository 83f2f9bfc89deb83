package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
)

const whichContainers = "With\n--volume those of that volume alone, else all that nixproxy made on this engine."

func newStop(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "stop the containers",
		Long:  "Stop the containers; the next command starts them again. " + whichContainers,
		Args:  between(0, 0, ""),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			names, err := p.Stop(ctx)
			a.report("stopped", "container", names)
			return err
		}),
	}
}
