package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/transfer"
)

func newVolumeExport(a *app) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "export [-o FILE] [PATH...]",
		Short: "write what the volume holds as an archive, for another machine",
		Long: "Write an archive for `nixproxy volume import` on a machine without a network:\n" +
			"what images and profiles need and what was synced, or the closures of store\n" +
			"paths and of links to them, such as ./result. It is a tar compressed with zstd.",
		Example: "  nixproxy image save -o nix.tar && nixproxy volume export -o volume.tar.zst\n" +
			"  nixproxy volume export ./result | ssh other nixproxy volume import -",
		Args: between(0, -1, ""),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, paths []string) error {
			return a.output(file, func(to io.Writer) error { return transfer.Export(ctx, p, version, paths, to) })
		}),
	}
	outputFlag(c, &file)
	return c
}
