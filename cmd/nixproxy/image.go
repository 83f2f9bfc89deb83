package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

func newImage(a *app) *cobra.Command {
	return group("image", "list, pull, save, load and remove images",
		newImageList(a), newImagePull(a), newImageSave(a), newImageLoad(a), newImageRemove(a))
}

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

func newImagePull(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "pull",
		Short: "pull the image for this host's Nix, or for --nix-version",
		Args:  between(0, 0, ""),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e proxy.Engine, _ []string) error {
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
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e proxy.Engine, refs []string) error {
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
			return a.output(file, func(to io.Writer) error { return image.Save(ctx, e, refs, to, a.terminal) })
		}),
	}
	outputFlag(c, &file)
	return c
}

const imageLoadLong = `Load images from an archive: a file, - for standard input, or what was built in
the volume, which a store path or a link to one such as ./result names: an
archive, or a program that writes one to its standard output. It goes from the
proxy container straight to the engine; no copy is made on this host.`

func newImageLoad(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "load FILE",
		Short:   "load images from an archive, or from what was built in the volume",
		Long:    imageLoadLong,
		Example: "  nixproxy image load nix-2.26.3.tar\n  nixproxy run -- nix build .#image\n  nixproxy image load ./result",
		Args:    between(1, 1, "one archive, or - for standard input"),
		RunE: a.withEngine(func(ctx context.Context, p *proxy.Proxy, e proxy.Engine, args []string) error {
			refs, err := a.load(ctx, p, e, args[0])
			for _, ref := range refs {
				if _, err := fmt.Fprintln(a.out, ref); err != nil {
					return err
				}
			}
			return err
		}),
	}
	bindAsRun(a, c)
	return c
}

func (a *app) load(ctx context.Context, p *proxy.Proxy, e proxy.Engine, file string) ([]string, error) {
	if built, ok := builtInside(p.Host.Dir, file); ok {
		return a.loadBuilt(ctx, p, e, file, built)
	}
	if file == "-" {
		return image.Load(ctx, e, "standard input", a.in, 0, a.terminal)
	}
	archive, size, err := openArchive(file)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	return image.Load(ctx, e, file, archive, size, a.terminal)
}

// openArchive opens a file, and tells its size.
func openArchive(file string) (*os.File, int64, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("there is no file %s: name an archive, or - for standard input", file)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory: name an archive, or - for standard input", file)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func newImageRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm IMAGE...",
		Short: "remove images from the engine",
		Args:  between(1, -1, "at least one image, as `nixproxy image ls` names it"),
		RunE: a.withEngine(func(ctx context.Context, _ *proxy.Proxy, e proxy.Engine, refs []string) error {
			for _, ref := range refs {
				err := e.RemoveImage(ctx, ref)
				if engine.IsNotFound(err) {
					return fmt.Errorf("there is no image %s on the engine: `nixproxy image ls` lists those that are", ref)
				}
				if err != nil {
					return err
				}
				a.terminal.Note("removed image %s", ref)
			}
			return nil
		}),
	}
}

// withEngine makes a command's work of one that needs the engine.
func (a *app) withEngine(work func(context.Context, *proxy.Proxy, proxy.Engine, []string) error) func(*cobra.Command, []string) error {
	return a.withProxy(func(ctx context.Context, p *proxy.Proxy, args []string) error {
		e, err := p.OpenEngine(ctx)
		if err != nil {
			return err
		}
		return work(ctx, p, e, args)
	})
}
