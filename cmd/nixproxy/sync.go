package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/transfer"
)

// syncOptions are the flags of `sync` with paths.
type syncOptions struct {
	toHost, noRoot, dryRun bool
}

func newSync(a *app) *cobra.Command {
	var o syncOptions
	c := &cobra.Command{
		Use:   "sync [PATH...]",
		Short: "copy store paths of this host, or the image's, into the volume",
		Long: "Copy the closures of store paths, or of links to them such as ./result, from\n" +
			"this host's Nix store into the volume, as far as they are not there yet. Without\n" +
			"PATH it is the store of the image for this host's Nix, which `run` copies by\n" +
			"itself where it is needed.\n\n" + toHostLong,
		Args: between(0, -1, ""),
	}
	c.Flags().BoolVar(&o.toHost, "to-host", false, "copy from the volume into this host's Nix store")
	c.Flags().BoolVar(&o.noRoot, "no-root", false, "let garbage collectors take the paths")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "print what would be copied")
	c.RunE = a.withProxy(func(ctx context.Context, p *proxy.Proxy, paths []string) error {
		switch {
		case len(paths) == 0 && o != syncOptions{}:
			return usage(c, "nixproxy sync needs PATHs for --to-host, --no-root and --dry-run")
		case len(paths) == 0:
			return syncImage(ctx, a, p)
		case o.toHost:
			return toHost(ctx, a, p, paths, o)
		case o.dryRun:
			infos, err := transfer.SyncFromHostDryRun(ctx, p, paths)
			return a.wouldCopy(infos, err)
		}
		return transfer.SyncFromHost(ctx, p, paths, !o.noRoot)
	})
	bindAsRun(a, c)
	return c
}

func syncImage(ctx context.Context, a *app, p *proxy.Proxy) error {
	volume, stamp, err := p.SyncVolume(ctx)
	if err != nil {
		return err
	}
	a.terminal.Note("the store of %s is in volume %s", stamp.Reference, volume.Name)
	return nil
}

// wouldCopy prints what --dry-run found.
func (a *app) wouldCopy(infos []nixstore.Info, err error) error {
	if err != nil {
		return err
	}
	for _, i := range infos {
		if _, err := fmt.Fprintln(a.out, i.Path); err != nil {
			return err
		}
	}
	a.terminal.Note("%s, %s, would be copied", terminal.Count(len(infos), "store path"), terminal.Size(nixstore.Size(infos)))
	return nil
}
