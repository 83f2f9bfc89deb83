package proxy

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Export writes an archive of the volume, or of the closures of store paths, or
// links to them. version is nixproxy's own.
func (p *Proxy) Export(ctx context.Context, version string, names []string, to io.Writer) error {
	places, err := p.follow(names)
	if err != nil {
		return err
	}
	return p.onVolume(ctx, func(o opened) error {
		err := o.Export(ctx, pathsOf(places), version, to, func(c agentapi.Cargo) volume.Progress {
			return p.Terminal.Start(fmt.Sprintf("exporting %s of volume %s", terminal.Count(len(c.Paths), "store path"), o.Name))
		})
		if err != nil {
			return fmt.Errorf("exporting volume %s: %w", o.Name, err)
		}
		return nil
	})
}

// Import brings an archive into the volume, after it was read to its end and found
// whole. Its name is for messages.
func (p *Proxy) Import(ctx context.Context, name string, file io.ReadSeeker) error {
	if err := readArchive(ctx, file, func(r *archive.Reader) error {
		// What is wrong with the place is found before a long reading.
		if err := p.onFilled(ctx, r.Images, func(o volume.Open) error { return o.Takes(r.Manifest) }); err != nil {
			return err
		}
		return p.verifyArchive(name, r)
	}); err != nil {
		return fmt.Errorf("nothing of %s was imported: %w", name, err)
	}
	if err := readArchive(ctx, file, func(r *archive.Reader) error {
		return p.onFilled(ctx, r.Images, func(o volume.Open) error { return p.importInto(ctx, o, name, r) })
	}); err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}
	return nil
}

func (p *Proxy) importInto(ctx context.Context, o volume.Open, name string, r *archive.Reader) error {
	err := o.Import(ctx, r, func(c agentapi.Cargo) volume.Progress {
		return p.Terminal.Start(fmt.Sprintf("copying %d of %s into volume %s", len(c.Paths), terminal.Count(len(r.Paths), "store path"), o.Name))
	}, p.waiting(o))
	if err == nil {
		p.Terminal.Note("volume %s holds what is in %s", o.Name, name)
	}
	return err
}

func readArchive(ctx context.Context, file io.ReadSeeker, work func(*archive.Reader) error) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, err := archive.Open(until{ctx, file})
	if err != nil {
		return err
	}
	defer r.Close()
	return work(r)
}

// An until is read until the context ends, be it in the middle of a large path.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.Reader.Read(p)
}

func (p *Proxy) verifyArchive(name string, r *archive.Reader) error {
	progress := p.Terminal.Start("verifying " + name)
	meter := &terminal.Meter{Set: progress.Set, Total: r.Size()}
	err := r.Each(func(i nixstore.Info, nar io.Reader) error { return i.Copy(io.Discard, meter.Reader(nar)) })
	progress.End(err)
	return err
}

// onFilled does work on the volume as it is, if it holds any image's store; else
// that of the host's image is brought first. The images are what else would do.
func (p *Proxy) onFilled(ctx context.Context, images []agentapi.Stamp, work func(volume.Open) error) error {
	empty := false
	err := p.onVolume(ctx, func(o opened) error {
		if empty = len(o.stamps) == 0; empty {
			return nil
		}
		return work(o.Open)
	})
	if !empty && !is[*volume.MissingError](err) {
		return err
	}
	filled := false
	err = p.onStore(ctx, func(o volume.Open, _ agentapi.Stamp) error {
		filled = true
		return work(o)
	})
	if err != nil && !filled && len(images) > 0 {
		return fmt.Errorf("%w; the archive goes with %s: load one of these, and choose it with --nix-version", err, references(images))
	}
	return err
}

func references(images []agentapi.Stamp) string {
	var all []string
	for _, s := range images {
		all = append(all, s.Reference)
	}
	return strings.Join(all, ", ")
}
