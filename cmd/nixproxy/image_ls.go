package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

func newImageList(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "list the Nix images on the engine",
		Args:  between(0, 0, ""),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e proxy.Engine, _ []string) error {
			rows, err := p.Source().List(ctx, e)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, rows)
			}
			var table [][]string
			for _, r := range rows {
				table = append(table, []string{r.Reference, terminal.Size(r.Size)})
			}
			return printTable(a.out, []string{"IMAGE", "SIZE"}, table)
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}
