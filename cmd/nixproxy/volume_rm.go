package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/maintenance"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

func newVolumeRemove(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "rm [NAME...]",
		Short: "remove volumes, with their containers and all that is in them",
		Long: "Remove volumes that nixproxy made, with the containers on them; what was built\n" +
			"in them is lost. Without a NAME it is the volume that a command here would use,\n" +
			"or --volume. It asks first, and tells what would go.",
		Example: "  nixproxy volume rm nixproxy-linux-arm64",
		Args:    between(0, -1, ""),
		RunE: func(c *cobra.Command, names []string) error {
			p, err := a.proxy()
			if err != nil {
				return err
			}
			if names, err = maintenance.Removable(c.Context(), p, names); err != nil {
				return err
			}
			if err := a.confirmRemoval(c, p, names, yes); err != nil {
				return err
			}
			for _, name := range names {
				if err := a.removeContainers(c.Context(), p, name); err != nil {
					return err
				}
			}
			return a.removeVolumes(c.Context(), p, names)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "ask nothing")
	return c
}

// confirmRemoval asks if there is something to lose, and tells what.
func (a *app) confirmRemoval(c *cobra.Command, p *proxy.Proxy, volumes []string, yes bool) error {
	if len(volumes) == 0 || yes {
		return nil
	}
	if err := a.canAsk(c); err != nil {
		return err
	}
	for _, name := range volumes {
		removal, err := maintenance.NewRemoval(c.Context(), p, name)
		if err != nil {
			return err
		}
		a.terminal.Note("%s", lost(removal))
		for _, running := range removal.Running {
			a.terminal.Note("container %s runs%s: what is under way in it ends", running.Name, forProject(running))
		}
	}
	return a.confirm("remove volume " + strings.Join(volumes, ", ") + " and all that is in it?")
}

func forProject(c proxy.ContainerStatus) string {
	if c.Project == "" {
		return ""
	}
	return ", for " + c.Project
}

// lost says what is in a volume.
func lost(r maintenance.Removal) string {
	if r.Holds == nil {
		return fmt.Sprintf("volume %s cannot be looked into", r.Volume)
	}
	text := fmt.Sprintf("volume %s holds %s, and %s in HOME", r.Volume, amount(r.Holds.Store), terminal.Size(r.Holds.Home.Size))
	for _, i := range r.Holds.Images {
		text += ", Nix " + maintenance.NixOf(i.Stamp)
	}
	return text
}

func (a *app) removeVolumes(ctx context.Context, p *proxy.Proxy, names []string) error {
	for _, name := range names {
		if err := maintenance.Remove(ctx, p, name); err != nil {
			return err
		}
		a.report("removed", "volume", []string{name})
	}
	return nil
}
