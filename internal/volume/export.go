package volume

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

// Export writes an archive of the closure of the paths, or without any of all
// that is held in the volume for every host. by is the version of nixproxy that
// does so; begin is called when it is known how much that is. Nothing is in the
// archive that is not as Nix registered it.
func (h Handle) Export(ctx context.Context, paths []nixstore.Path, by string, to io.Writer, begin func(agentapi.Manifest) Progress) error {
	s, err := h.start(ctx, agentapi.ModeExport, paths)
	if err != nil {
		return err
	}
	defer s.Close()
	m := archive.Manifest{Format: archive.Format, Nixproxy: by, Flavour: h.Flavour, Platform: h.Platform}
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return s.explain(ctx, err)
	}
	if err := json.Unmarshal(line, &m.Manifest); err != nil {
		return err
	}
	progress := begin(m.Manifest)
	meter := &terminal.Meter{Set: progress.Set, Total: m.Size()}
	err = archive.Write(to, m, meter.Reader(s))
	progress.End(err)
	_, changed := errors.AsType[*nixstore.ChangedError](err)
	if changed || errors.Is(err, io.ErrUnexpectedEOF) {
		_, _ = io.Copy(io.Discard, s)
		return s.explain(ctx, err)
	}
	return err
}
