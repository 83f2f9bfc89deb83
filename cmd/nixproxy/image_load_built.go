package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
)

// builtInside tells whether what is to be loaded is in the volume: a link to a
// store path, which mostly dangles here, or a store path. Any other file of this
// host is an archive, and so is one in its own store, unless it is a program.
func builtInside(dir, file string) (nixstore.Place, bool) {
	if file == "-" {
		return nixstore.Place{}, false
	}
	place, err := nixstore.Follow(dir, file)
	if err != nil {
		return place, false
	}
	info, err := os.Stat(file)
	return place, err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 != 0
}

// loadBuilt gives the engine the archive that is, or is written by, a file of the
// volume, straight from the proxy container.
func (a *app) loadBuilt(ctx context.Context, p *proxy.Proxy, e proxy.Engine, name string, built nixstore.Place) ([]string, error) {
	in, out := io.Pipe()
	taken := make(chan error, 1)
	go func() {
		held := &heldBack{to: out}
		err := p.Output(ctx, held, a.note, agentapi.Binary, agentapi.ModeArchive, built.String())
		if err == nil {
			err = held.release()
		}
		out.CloseWithError(err)
		taken <- err
	}()
	refs, err := image.Load(ctx, e, name, in, 0, a.terminal)
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	in.CloseWithError(errRefused)
	if from := <-taken; from != nil && !errors.Is(from, errRefused) {
		return nil, fmt.Errorf("loading %s: %w", name, from)
	}
	return refs, err
}

var errRefused = errors.New("the engine takes no more of the archive")

// heldBack keeps back the end of an archive until its writer is known to have succeeded:
// without it no reader takes the archive for complete. An engine with the containerd
// image store loads an archive once it has read the end of the tar, without waiting for
// the end of the request.
type heldBack struct {
	to   io.Writer
	held []byte
}

// heldSize is more than what follows the last file of a tar: two blocks of zeros,
// padded by some programs to 10 or 20 blocks.
const heldSize = 64 << 10

func (h *heldBack) Write(p []byte) (int, error) {
	h.held = append(h.held, p...)
	if n := len(h.held) - heldSize; n > 0 {
		if _, err := h.to.Write(h.held[:n]); err != nil {
			return 0, err
		}
		h.held = append(h.held[:0], h.held[n:]...)
	}
	return len(p), nil
}

func (h *heldBack) release() error {
	_, err := h.to.Write(h.held)
	return err
}
