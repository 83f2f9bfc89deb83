package volume

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Missing tells which paths of a closure the volume has not.
func (h Handle) Missing(ctx context.Context, closure []nixstore.Path) ([]nixstore.Path, error) {
	request, err := json.Marshal(agentapi.Request{Closure: closure})
	if err != nil {
		return nil, err
	}
	var reply agentapi.Missing
	err = h.Query(ctx, string(request), &reply, agentapi.ModeMissing)
	return reply.Paths, err
}

// A Sender writes store paths, dependencies first: of each its nixstore.Info as a
// line of JSON, and its archive.
type Sender func(to io.Writer, paths []nixstore.Path) error

// Receive takes from send what the volume lacks of what is requested, and roots
// what is to be rooted. It costs one command in the anchor, whatever is missing.
// wait is called when another one is receiving, and is waited for.
func (h Handle) Receive(ctx context.Context, request agentapi.Request, send Sender, wait func()) error {
	s, err := h.start(ctx, agentapi.ModeReceive, request)
	if err != nil {
		return err
	}
	defer s.Close()
	replies := json.NewDecoder(s)
	var reply agentapi.Missing
	for reply.Paths == nil {
		if err := replies.Decode(&reply); err != nil {
			return s.explain(ctx, err)
		}
		if reply.Wait {
			wait()
		}
	}
	if err := checkMissing(request, reply); err != nil {
		return err
	}
	return s.exchange(ctx, replies, func(to io.Writer) error { return send(to, reply.Paths) })
}

// checkMissing refuses to give the volume more of the host's store than it is to have:
// whoever asks may be anybody inside.
func checkMissing(request agentapi.Request, reply agentapi.Missing) error {
	requested := nixstore.SetOf(request.Closure)
	for _, path := range reply.Paths {
		if !requested[path] {
			return fmt.Errorf("the volume asks for %q, which is no part of what is copied: nothing was copied, as something in the volume is not to be trusted", path)
		}
	}
	return nil
}

// exchange sends while it listens: the agent may give up before it has all.
func (s *stream) exchange(ctx context.Context, replies *json.Decoder, send func(io.Writer) error) error {
	ended := make(chan error, 1)
	go func() {
		err := agentapi.Follow(io.MultiReader(replies.Buffered(), s), func(int64, int64) {}, &struct{}{})
		if err != nil {
			s.Close() // nobody reads what is sent
		}
		ended <- err
	}()
	to := &writer{Writer: s}
	err := send(to)
	if err != nil && to.err == nil {
		return err // the host's own; with its connection the agent's work ends too
	}
	if err := <-ended; err != nil {
		return s.explain(ctx, err)
	}
	return nil
}

// A writer keeps its own error apart from that of what is written.
type writer struct {
	io.Writer
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}
