package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newStatus(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "show what is there",
		Long:  "Show the engine, the Nix, the image, the volume and the containers that a\ncommand would use here. It changes nothing.",
		Args:  between(0, 0, ""),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			s, err := p.Status(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, s)
			}
			return printStatus(a, s)
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

func printStatus(a *app, s proxy.Status) error {
	there := func(yes bool, otherwise string) string {
		if yes {
			return "there"
		}
		return otherwise
	}
	facts := [][]string{
		{"engine", s.Engine.Address + " (" + s.Engine.Origin + ")"},
		{"", s.Engine.Version + ", API " + s.Engine.APIVersion + ", " + s.Engine.Platform},
		{"nix", s.Nix.Version + " (" + s.Nix.Origin + ")"},
		{"image", s.Image.Reference + ", " + there(s.Image.Present, "not pulled yet")},
		{"volume", s.Volume.Name + ", " + there(s.Volume.Present, "not made yet")},
	}
	for _, stamp := range s.Volume.Images {
		facts = append(facts, []string{"", stamp.Reference + ", synced " + stamp.Synced})
	}
	if err := printTable(a.out, nil, facts); err != nil || len(s.Containers) == 0 {
		return err
	}
	var rows [][]string
	for _, c := range s.Containers {
		rows = append(rows, []string{c.Name, c.Role, c.State, c.NixVersion, c.Project})
	}
	return printTable(a.out, []string{"CONTAINER", "ROLE", "STATE", "NIX", "PROJECT"}, rows)
}
