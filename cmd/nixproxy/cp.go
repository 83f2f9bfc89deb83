package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filetree"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/settings"
)

const copyLong = `Copy what was built out of the volume as plain files. PATH is a store path, a
file in one, or a link to one such as ./result; this host needs no Nix for it.

DEST is as for cp: a directory that is there, or the name that the copy gets. A
file replaces a file, a directory replaces nothing. The copy is there whole or
not at all.

Links that stay in what is copied remain links. Those that lead out of it, to
other store paths, become copies of what they lead to. Files belong to the user
and can be written; those that could be executed still can.`

func newCopy(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "cp PATH DEST",
		Short:   "copy a built output out of the volume, as plain files",
		Long:    copyLong,
		Example: "  nixproxy run -- nix build .#x\n  nixproxy cp ./result out\n  nixproxy cp ./result/bin/x .",
		Args:    between(2, 2, "a store path or a link to one, and where to copy it"),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, args []string) error {
			return a.copyOut(ctx, p, args[0], args[1])
		}),
	}
	bindAsRun(a, c)
	return c
}

// bindAsRun makes a command use the container that `run` would use here: it reads the
// settings of run from the environment, and hides their flags.
func bindAsRun(a *app, c *cobra.Command) {
	settings.Bind(c.Flags(), &a.settings, settings.Run)
	for _, s := range settings.Table() {
		if s.Scope == settings.Run {
			_ = c.Flags().MarkHidden(s.Flag)
		}
	}
}

func (a *app) copyOut(ctx context.Context, p *proxy.Proxy, from, to string) error {
	place, err := nixstore.Follow(p.Host.Dir, from)
	if err != nil {
		return err
	}
	name := filepath.Base(from)
	if name == "." || name == ".." {
		name = filepath.Base(place.String())
	}
	dest, err := filetree.FindDestination(to, name)
	if err != nil {
		return err
	}
	progress := a.terminal.Start(fmt.Sprintf("copying %s to %s", from, dest.Path)).Bytes()
	err = dest.Unpack(func(to io.Writer) error {
		return p.Output(ctx, to, a.note, agentapi.Binary, agentapi.ModePack, place.String())
	}, progress.Set)
	progress.End(err)
	if err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return nil
}

// note shows a line that a program in the container has written.
func (a *app) note(line string) { a.terminal.Note("%s", line) }
