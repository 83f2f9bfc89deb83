package image

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

// Save writes a docker archive of the references. An engine that fails in the
// middle of one may end it as if it were complete, so its content is checked.
func Save(ctx context.Context, e Engine, refs []string, to io.Writer, t *terminal.Terminal) error {
	if err := requireImages(ctx, e, refs); err != nil {
		return err
	}
	what := "saving " + strings.Join(refs, ", ")
	archive, err := e.SaveImages(ctx, refs)
	if err != nil {
		return err
	}
	defer archive.Close()
	progress := t.Start(what)
	meter := &terminal.Meter{Set: progress.Set}
	watched := watch(meter.Reader(archive))
	_, err = io.Copy(to, watched)
	if seen := watched.end(); err == nil && !seen.images() {
		err = fmt.Errorf("the engine wrote no whole archive: %w", cmp.Or(seen.err, errNoImages))
	}
	progress.End(err)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// requireImages checks that each image is there, as not every engine says which one
// it lacks.
func requireImages(ctx context.Context, e Engine, refs []string) error {
	for _, ref := range refs {
		_, err := e.FindImage(ctx, ref, "")
		var other *engine.OtherPlatformError
		if err == nil || errors.As(err, &other) {
			continue
		}
		if engine.IsNotFound(err) {
			return hint.Add(fmt.Errorf("there is no image %s on the engine", ref), "`nixproxy image ls` lists those that are, and `nixproxy image pull` gets one")
		}
		return err
	}
	return nil
}

// Load loads an archive of a size, 0 when it is not known, and returns the
// references in it. The name is for messages.
func Load(ctx context.Context, e Engine, name string, archive io.Reader, size int64, t *terminal.Terminal) ([]string, error) {
	what := "loading " + name
	progress := t.Start(what)
	meter := &terminal.Meter{Set: progress.Set, Total: size}
	archive, err := decompressed(meter.Reader(archive))
	if err != nil {
		progress.End(err)
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	watched := watch(archive)
	refs, err := e.LoadImages(ctx, watched)
	if seen := watched.end(); err != nil {
		err = fmt.Errorf("%s: %w", what, seen.explain(err))
	}
	progress.End(err)
	return refs, err
}

var zstdMagic = string([]byte{0x28, 0xb5, 0x2f, 0xfd}) // RFC 8878, section 3.1.1

// decompressed returns an archive without zstd's compression. All engines know the
// other compressions; some do not know this one.
func decompressed(archive io.Reader) (io.Reader, error) {
	from := bufio.NewReader(archive)
	if start, _ := from.Peek(len(zstdMagic)); string(start) != zstdMagic {
		return from, nil
	}
	decoder, err := zstd.NewReader(from)
	if err != nil {
		return nil, err
	}
	return decoder.IOReadCloser(), nil
}
