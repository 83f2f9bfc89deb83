package volume

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

// Import brings what the volume lacks of an archive's paths into it, holds what
// is to be held, and takes the stamps of its images over. The archive is to be
// verified already, and is read a second time.
func (h Handle) Import(ctx context.Context, from *archive.Reader, begin func(missing agentapi.Manifest) Progress, wait func()) error {
	request := agentapi.Request{Roots: from.Roots, Images: from.Images}
	for _, i := range from.Paths {
		request.Closure = append(request.Closure, i.Path)
	}
	return h.Receive(ctx, request, func(to io.Writer, missing []nixstore.Path) error { return send(to, from, missing, begin) }, wait)
}

// keepAlive is how often the agent is shown that somebody is there while what it
// has already is read: it gives up a client that is silent for longer (silence in
// package internal/agent/input).
var keepAlive = 30 * time.Second // a seam for tests

// send writes those of the archive's paths that are missing.
func send(to io.Writer, from *archive.Reader, missing []nixstore.Path, begin func(agentapi.Manifest) Progress) error {
	awaited := nixstore.SetOf(missing)
	var part agentapi.Manifest
	for _, i := range from.Paths {
		if awaited[i.Path] {
			part.Paths = append(part.Paths, i)
		}
	}
	progress := begin(part)
	out := bufio.NewWriterSize(to, 64<<10)
	meter := &terminal.Meter{Set: progress.Set, Total: part.Size()}
	var err error
	if len(missing) > 0 { // else there is nothing to read the file for
		last := time.Now()
		err = from.Each(func(i nixstore.Info, nar io.Reader) error {
			if !awaited[i.Path] && time.Since(last) < keepAlive {
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
