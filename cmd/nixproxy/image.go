package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

func newImage(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "image COMMAND",
		Short: "list, pull, save, load and remove images",
		Args:  unknownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return usage(c, "which command?") },
	}
	c.AddCommand(newImageList(a), newImagePull(a), newImageSave(a), newImageLoad(a), newImageRemove(a))
	return c
}

func newImageList(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "list the Nix images on the engine",
		Args:  between(0, 0, ""),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e *engine.Engine, _ []string) error {
			rows, err := p.Source().List(ctx, e)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, rows)
			}
			var table [][]string
			for _, r := range rows {
				table = append(table, []string{r.Reference, humanSize(r.Size)})
			}
			return printTable(a.out, []string{"IMAGE", "SIZE"}, table)
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

func newImagePull(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "pull",
		Short: "pull the image for this host's Nix, or for --nix-version",
		Args:  between(0, 0, ""),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e *engine.Engine, _ []string) error {
			nix, err := p.Nix(ctx)
			if err != nil {
				return err
			}
			source := p.Source()
			source.Pull = image.PullAlways
			found, err := source.Find(ctx, e, nix, a.terminal)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.out, found.Reference)
			return err
		}),
	}
}

func newImageSave(a *app) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "save [-o FILE] [IMAGE...]",
		Short: "write images as an archive; without IMAGE that of this host's Nix",
		Args:  between(0, -1, ""),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e *engine.Engine, refs []string) error {
			if len(refs) == 0 {
				nix, err := p.Nix(ctx)
				if err != nil {
					return err
				}
				found, err := p.Source().Find(ctx, e, nix, a.terminal)
				if err != nil {
					return err
				}
				refs = []string{found.Reference}
			}
			return a.save(ctx, e, refs, file)
		}),
	}
	c.Flags().StringVarP(&file, "output", "o", "", "write to `FILE` instead of standard output")
	return c
}

func (a *app) save(ctx context.Context, e *engine.Engine, refs []string, file string) error {
	if file == "" || file == "-" {
		if term.IsTerminal(int(a.out.Fd())) {
			return fmt.Errorf("an archive is not for a terminal: name a file with -o, or redirect")
		}
		return image.Save(ctx, e, refs, a.out, a.terminal)
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return a.saveTo(ctx, e, refs, file) // a device or a pipe
	}
	// Written beside and renamed: a failure leaves an older archive alone.
	beside, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part")
	if err != nil {
		return err
	}
	beside.Close()
	defer os.Remove(beside.Name())
	if err := a.saveTo(ctx, e, refs, beside.Name()); err != nil {
		return err
	}
	if err := os.Chmod(beside.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(beside.Name(), file)
}

func (a *app) saveTo(ctx context.Context, e *engine.Engine, refs []string, file string) error {
	out, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(image.Save(ctx, e, refs, out, a.terminal), out.Close())
}

func newImageLoad(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "load FILE",
		Short:   "load images from an archive; - is standard input",
		Example: "  nixproxy image load nix-2.26.3.tar",
		Args:    between(1, 1, "one archive, or - for standard input"),
		RunE: a.withEngine(func(ctx context.Context, _ *proxy.Proxy, e *engine.Engine, args []string) error {
			archive, size, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer archive.Close()
			refs, err := image.Load(ctx, e, archive, size, a.terminal)
			for _, ref := range refs {
				if _, err := fmt.Fprintln(a.out, ref); err != nil {
					return err
				}
			}
			return err
		}),
	}
}

// open returns an archive and its size, which is 0 for standard input.
func (a *app) open(file string) (io.ReadCloser, int64, error) {
	if file == "-" {
		return io.NopCloser(a.in), 0, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func newImageRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm IMAGE...",
		Short: "remove images from the engine",
		Args:  between(1, -1, "at least one image, as `nixproxy image ls` names it"),
		RunE: a.withEngine(func(ctx context.Context, _ *proxy.Proxy, e *engine.Engine, refs []string) error {
			for _, ref := range refs {
				if err := e.RemoveImage(ctx, ref); err != nil {
					return err
				}
				a.terminal.Note("removed image %s", ref)
			}
			return nil
		}),
	}
}

// withEngine makes a command's work of one that needs the engine.
func (a *app) withEngine(work func(context.Context, *proxy.Proxy, *engine.Engine, []string) error) func(*cobra.Command, []string) error {
	return a.withProxy(func(ctx context.Context, p *proxy.Proxy, args []string) error {
		e, err := p.Engine(ctx)
		if err != nil {
			return err
		}
		return work(ctx, p, e, args)
	})
}
