package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/maintenance"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// inspection is what `volume inspect --json` prints.
type inspection struct {
	Name     string `json:"name"`
	Flavour  string `json:"flavour"`
	Platform string `json:"platform"`
	agentapi.Inspection
}

func newVolumeInspect(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect",
		Short: "show what is in the volume, and what keeps it",
		Long: "Show what is in the volume that a command here would use, or in --volume, and\n" +
			"which roots keep it from being collected. Sizes of store paths are those that\n" +
			"Nix counts, the sum of the files; HOME's is what it takes on the disk. UNIQUE\n" +
			"SIZE is of what would go without that image or origin. It changes nothing.",
		Args: theVolume,
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			v, found, err := maintenance.Inspect(ctx, p)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, inspection{v.Name, v.Flavour, v.Platform, found})
			}
			return printInspection(a, v, found)
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

func printInspection(a *app, v volume.Volume, found agentapi.Inspection) error {
	for _, print := range []func() error{
		func() error { return printStore(a, v, found) },
		func() error { return printImages(a, found.Images) },
		func() error { return printRoots(a, found.Roots) },
		func() error { return printHome(a, found.Home) },
	} {
		if err := print(); err != nil {
			return err
		}
	}
	return nil
}

func printStore(a *app, v volume.Volume, found agentapi.Inspection) error {
	facts := [][]string{
		{"volume", v.Name + ", " + v.Flavour + ", " + v.Platform},
		{"store", amount(found.Store)},
		{"  live", amount(found.Live)},
		{"  dead", amount(found.Dead)},
	}
	if found.Dead.Paths > 0 {
		facts[len(facts)-1][1] += a.terminal.Advised(": `nixproxy volume gc` takes them")
	}
	if found.InvalidPaths > 0 {
		facts = append(facts, []string{"  not valid", fmt.Sprintf("%d names in the store, of what was interrupted or is under way", found.InvalidPaths)})
	}
	return printTable(a.out, nil, append(facts, []string{"disk", terminal.Size(found.Disk.Free) + " free of " + terminal.Size(found.Disk.Size) + ", for all that the engine has"}))
}

func amount(n agentapi.Amount) string {
	return terminal.Size(n.Size) + ", " + terminal.Count(n.Paths, "path")
}

func printImages(a *app, images []agentapi.ImageHolding) error {
	var rows [][]string
	for _, i := range images {
		synced, _ := time.Parse(time.RFC3339, i.Synced)
		rows = append(rows, []string{i.Reference, maintenance.NixOf(i.Stamp), moment(synced), lastUse(i), terminal.Size(i.ClosureSize), terminal.Size(i.UniqueSize)})
	}
	return section(a, []string{"IMAGE", "NIX", "SYNCED", "LAST USED", "CLOSURE SIZE", "UNIQUE SIZE"}, rows)
}

func lastUse(i agentapi.ImageHolding) string {
	if i.InUse {
		return "now"
	}
	return moment(i.LastUsed)
}

func printRoots(a *app, roots []agentapi.Holding) error {
	var rows [][]string
	for _, h := range roots {
		rows = append(rows, []string{string(h.Origin), fmt.Sprint(h.Roots), fmt.Sprint(h.ClosurePaths), terminal.Size(h.ClosureSize), terminal.Size(h.UniqueSize)})
	}
	return section(a, []string{"ORIGIN", "ROOTS", "PATHS", "CLOSURE SIZE", "UNIQUE SIZE"}, rows)
}

func printHome(a *app, home agentapi.Home) error {
	rows := [][]string{{home.Path, terminal.Size(home.Size), ""}}
	for _, c := range home.Caches {
		rows = append(rows, []string{c.Path, terminal.Size(c.Size), "may be deleted"})
	}
	if err := section(a, []string{"HOME", "SIZE", ""}, rows); err != nil || len(home.Caches) == 0 {
		return err
	}
	_, err := fmt.Fprintln(a.out, a.terminal.Advised("\nA directory that may be deleted: `nixproxy run -- rm -rf DIR`"))
	return err
}

// section is a table below another one, if there is anything in it.
func section(a *app, header []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(a.out); err != nil {
		return err
	}
	return printTable(a.out, header, rows)
}
