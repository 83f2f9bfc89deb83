package main

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
)

// versions is what `version --json` prints.
type versions struct {
	Nixproxy string          `json:"nixproxy"`
	Platform string          `json:"platform"`
	Nix      proxy.NixStatus `json:"nix"`
	Image    string          `json:"image"`
}

func newVersion(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "show which Nix, image and nixproxy",
		Long:  "Show nixproxy's own version, the Nix that a command would run, and its image.\nIt asks no engine.",
		Args:  between(0, 0, ""),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			v, err := p.Versions(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, versions{Nixproxy: version, Platform: runtime.GOOS + "/" + runtime.GOARCH, Nix: v.Nix, Image: v.Image})
			}
			return printTable(a.out, nil, [][]string{
				{"nixproxy", version + " (" + runtime.GOOS + "/" + runtime.GOARCH + ")"},
				{"nix", v.Nix.Version + " (" + v.Nix.Origin + ")"},
				{"image", v.Image},
			})
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}
