package volume

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

// Export writes an archive of the closure of the paths, or without any of all
// that is held in the volume for every host. begin is called when it is known
// how much that is. Nothing is in it that is not as Nix registered it.
func (h Handle) Export(ctx context.Context, asked []nixstore.Path, by string, to io.Writer, begin func(agentapi.Cargo) Progress) error {
	return h.talk(ctx, agentapi.ModeExport, asked, func(s *engine.Stream) error {
		from := bufio.NewReaderSize(s, 64<<10)
		m := archive.Manifest{Format: archive.Format, Nixproxy: by, Flavour: h.Flavour, Platform: h.Platform}
		line, err := from.ReadBytes('\n')
		if err != nil {
			return explain(ctx, s, err)
		}
		if err := json.Unmarshal(line, &m.Cargo); err != nil {
			return err
		}
		progress := begin(m.Cargo)
		meter := &terminal.Meter{Set: progress.Set, Total: m.Size()}
		err = archive.Write(to, m, meter.Reader(from))
		progress.End(err)
		var changed *nixstore.ChangedError
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &changed) {
			_, _ = io.Copy(io.Discard, from)
			return explain(ctx, s, err)
		}
		return err
	})
}

// Import brings what the volume lacks of an archive's paths into it, holds what
// is to be held, and takes the stamps of its images over. The archive is to be
// verified already, and is read a second time.
func (h Handle) Import(ctx context.Context, again *archive.Reader, begin func(missing agentapi.Cargo) Progress, wait func()) error {
	want := agentapi.Wanted{Roots: again.Roots, Images: again.Images}
	for _, i := range again.Paths {
		want.Closure = append(want.Closure, i.Path)
	}
	return h.Receive(ctx, want, func(to io.Writer, missing []nixstore.Path) error { return send(to, again, missing, begin) }, wait)
}

// stillHere is how often the agent hears that somebody is there while what it has
// already is read: it gives up who is silent for longer (silence in package jobs).
var stillHere = 30 * time.Second // a seam for tests

// send writes those of the archive's paths that are missing.
func send(to io.Writer, from *archive.Reader, missing []nixstore.Path, begin func(agentapi.Cargo) Progress) error {
	awaited := nixstore.SetOf(missing)
	var cargo agentapi.Cargo
	for _, i := range from.Paths {
		if awaited[i.Path] {
			cargo.Paths = append(cargo.Paths, i)
		}
	}
	progress := begin(cargo)
	out := bufio.NewWriterSize(to, 64<<10)
	meter := &terminal.Meter{Set: progress.Set, Total: cargo.Size()}
	var err error
	if len(missing) > 0 { // else there is nothing to read the file for
		last := time.Now()
		err = from.Each(func(i nixstore.Info, nar io.Reader) error {
			if !awaited[i.Path] && time.Since(last) < stillHere {
				return nil
			}
			last = time.Now()
			if !awaited[i.Path] {
				_ = out.WriteByte('\n')
				return out.Flush()
			}
			if err := json.NewEncoder(out).Encode(i); err != nil {
				return err
			}
			return i.Copy(out, meter.Reader(nar))
		})
	}
	if err == nil {
		err = out.Flush()
	}
	progress.End(err)
	return err
}

// Takes refuses an archive that is for another kind of volume.
func (v Volume) Takes(m archive.Manifest) error {
	if m.Flavour != v.Flavour || m.Platform != v.Platform {
		return fmt.Errorf("it comes from a volume for %s on %s, and volume %s is for %s on %s", m.Flavour, m.Platform, v.Name, v.Flavour, v.Platform)
	}
	return nil
}
