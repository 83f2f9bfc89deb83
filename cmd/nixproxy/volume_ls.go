package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/maintenance"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newVolumeList(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "list the volumes that nixproxy made on the engine",
		Long: "List the volumes that nixproxy made on the engine. A * marks the one that a\n" +
			"command here would use. RUNNING counts their proxy containers. No container is\n" +
			"started for it: `nixproxy volume inspect` looks inside, and tells sizes.",
		Args: between(0, 0, ""),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			rows, err := maintenance.List(ctx, p)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, rows)
			}
			return printVolumes(a, rows)
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

func printVolumes(a *app, rows []maintenance.VolumeRow) error {
	var table [][]string
	for _, r := range rows {
		name := r.Name
		if r.Current {
			name += " *"
		}
		table = append(table, []string{name, r.Flavour, r.Platform, fmt.Sprint(r.RunningContainers), strings.Join(r.NixVersions, ", ")})
	}
	return printTable(a.out, []string{"VOLUME", "FLAVOUR", "PLATFORM", "RUNNING", "NIX"}, table)
}
