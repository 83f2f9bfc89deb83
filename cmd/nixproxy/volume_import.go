package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/transfer"
)

func newVolumeImport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "bring an archive that `volume export` wrote into the volume",
		Long: "Bring what an archive of `nixproxy volume export` holds and the volume lacks\n" +
			"into the volume, and hold it there. All of the archive is verified first; - is\n" +
			"standard input, which is kept in a temporary file for that (TMPDIR says where).",
		Example: "  nixproxy image load nix.tar && nixproxy volume import volume.tar.zst",
		Args:    between(1, 1, "one archive, or - for standard input"),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, args []string) error {
			name, file, err := a.seekable(ctx, args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			return transfer.Import(ctx, p, name, file)
		}),
	}
}

// seekable opens a file, or what standard input or a pipe was up to its end.
func (a *app) seekable(ctx context.Context, name string) (string, *os.File, error) {
	if name == "-" {
		file, err := a.kept(ctx, "standard input", a.in)
		return "standard input", file, err
	}
	file, _, err := openArchive(name)
	if err != nil {
		return "", nil, err
	}
	if _, err := file.Seek(0, io.SeekCurrent); err == nil {
		return name, file, nil
	}
	defer file.Close()
	kept, err := a.kept(ctx, name, file)
	return name, kept, err
}

// kept is a file of what is read to its end, by that name.
func (a *app) kept(ctx context.Context, name string, from io.Reader) (*os.File, error) {
	file, err := os.CreateTemp("", "nixproxy-import-*")
	if err == nil {
		// It has no name from now on, and so cannot stay behind.
		err = os.Remove(file.Name())
	}
	if err == nil {
		err = a.keep(ctx, name, from, file)
	}
	if err != nil {
		file.Close()
		return nil, hint.Add(fmt.Errorf("keeping %s in %s: %w", name, os.TempDir(), err), "TMPDIR names another directory")
	}
	return file, nil
}

// keep copies what may never end, until the context does.
func (a *app) keep(ctx context.Context, name string, from io.Reader, to io.Writer) error {
	progress := a.terminal.Start("reading " + name)
	read := make(chan error, 1)
	go func() {
		meter := &terminal.Meter{Set: progress.Set}
		_, err := io.Copy(to, meter.Reader(from))
		read <- err
	}()
	var err error
	select {
	case err = <-read:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	progress.End(err)
	return err
}
