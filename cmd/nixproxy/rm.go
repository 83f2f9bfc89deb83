package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/maintenance"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newRemove(a *app) *cobra.Command {
	var withVolume, yes bool
	c := &cobra.Command{
		Use:   "rm",
		Short: "remove the containers, and the volume if asked to",
		Long:  "Stop and remove the containers; the next command makes new ones. " + whichContainers,
		Args:  between(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.proxy()
			if err != nil {
				return err
			}
			var volumes []string
			if withVolume {
				if volumes, err = maintenance.Names(c.Context(), p); err != nil {
					return err
				}
			}
			if err := a.confirmRemoval(c, p, volumes, yes); err != nil {
				return err
			}
			if err := a.removeContainers(c.Context(), p, p.Settings.Volume); err != nil {
				return err
			}
			return a.removeVolumes(c.Context(), p, volumes)
		},
	}
	c.Flags().BoolVar(&withVolume, "with-volume", false, "remove their volumes too, with all that was built in them")
	c.Flags().BoolVar(&yes, "yes", false, "ask nothing")
	return c
}

func (a *app) removeContainers(ctx context.Context, p *proxy.Proxy, volume string) error {
	names, err := p.Remove(ctx, volume)
	a.report("removed", "container", names)
	return err
}

func (a *app) report(done, what string, names []string) {
	for _, name := range names {
		a.terminal.Note("%s %s %s", done, what, name)
	}
}
