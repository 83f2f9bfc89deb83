package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

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
		return nil, 0, hint.Add(fmt.Errorf("there is no file %s", file), "name an archive, or - for standard input")
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = hint.Add(fmt.Errorf("%s is a directory", file), "name an archive, or - for standard input")
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}
