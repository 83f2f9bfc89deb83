package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Import brings an archive into the volume, after it was read to its end and found
// whole. Its name is for messages.
func Import(ctx context.Context, p *proxy.Proxy, name string, file io.ReadSeeker) error {
	if err := verifyArchive(ctx, p, name, file); err != nil {
		return fmt.Errorf("nothing of %s was imported: %w", name, err)
	}
	if err := importArchive(ctx, p, name, file); err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}
	return nil
}

// verifyArchive reads the archive to its end. Whether the volume takes it is checked
// first, as reading may take long.
func verifyArchive(ctx context.Context, p *proxy.Proxy, name string, file io.ReadSeeker) error {
	r, err := openArchive(ctx, file)
	if err != nil {
		return err
	}
	defer r.Close()
	v, err := openFilled(ctx, p, r.Images)
	if err == nil {
		err = v.Takes(r.Manifest)
	}
	if err != nil {
		return err
	}
	progress := p.Terminal.Start("verifying " + name)
	meter := &terminal.Meter{Set: progress.Set, Total: r.Size()}
	err = r.Each(func(i nixstore.Info, nar io.Reader) error { return i.Copy(io.Discard, meter.Reader(nar)) })
	progress.End(err)
	return err
}

func importArchive(ctx context.Context, p *proxy.Proxy, name string, file io.ReadSeeker) error {
	r, err := openArchive(ctx, file)
	if err != nil {
		return err
	}
	defer r.Close()
	v, err := openFilled(ctx, p, r.Images)
	if err != nil {
		return err
	}
	begin := func(c agentapi.Manifest) volume.Progress {
		return p.Terminal.Start(fmt.Sprintf("copying %d of %s into volume %s", len(c.Paths), terminal.Count(len(r.Paths), "store path"), v.Name))
	}
	if err := v.Import(ctx, r, begin, noteWaiting(p.Terminal, v)); err != nil {
		return err
	}
	p.Terminal.Note("volume %s holds what is in %s", v.Name, name)
	return nil
}

// openArchive begins to read an archive, which ends with the context.
func openArchive(ctx context.Context, file io.ReadSeeker) (*archive.Reader, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return archive.Open(until{ctx, file})
}

// An until ends with a context, even in the middle of a large path.
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

// openFilled opens the volume as it is if it holds any image's store. Otherwise the
// store of the host's image is copied first. An error names the images, as any of
// them would do.
func openFilled(ctx context.Context, p *proxy.Proxy, images []agentapi.Stamp) (volume.Handle, error) {
	v, err := p.OpenVolume(ctx)
	_, none := errors.AsType[*volume.MissingError](err)
	if err == nil && len(v.Stamps) > 0 || err != nil && !none {
		return v.Handle, err
	}
	h, _, err := p.SyncVolume(ctx)
	if err != nil && len(images) > 0 {
		err = hint.Add(fmt.Errorf("%w; the archive goes with %s", err, references(images)), "load one of these images with `nixproxy image load ARCHIVE`, and choose it with --nix-version")
	}
	return h, err
}

func references(images []agentapi.Stamp) string {
	var all []string
	for _, s := range images {
		all = append(all, s.Reference)
	}
	return strings.Join(all, ", ")
}
