package volume

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Missing tells which paths of a closure the volume has not.
func (h Handle) Missing(ctx context.Context, closure []nixstore.Path) ([]nixstore.Path, error) {
	question, err := json.Marshal(agentapi.Wanted{Closure: closure})
	if err != nil {
		return nil, err
	}
	var lack agentapi.Lack
	err = h.Query(ctx, string(question), &lack, agentapi.ModeMissing)
	return lack.Missing, err
}

// A Sender writes store paths, dependencies first: of each its nixstore.Info as a
// line of JSON, and its archive.
type Sender func(to io.Writer, paths []nixstore.Path) error

// Receive takes from send what the volume lacks of what is wanted, and roots what
// is to be rooted. It costs one command in the anchor, whatever is missing. wait
// is called when another one is receiving, and is waited for.
func (h Handle) Receive(ctx context.Context, want agentapi.Wanted, send Sender, wait func()) error {
	return h.talk(ctx, agentapi.ModeReceive, want, func(s *engine.Stream) error {
		said := json.NewDecoder(s)
		var lack agentapi.Lack
		for lack.Missing == nil {
			if err := said.Decode(&lack); err != nil {
				return explain(ctx, s, err)
			}
			if lack.Wait {
				wait()
			}
		}
		if err := answers(want, lack); err != nil {
			return err
		}
		return exchange(ctx, s, said, func(to io.Writer) error { return send(to, lack.Missing) })
	})
}

// answers refuses to give the volume more of the host's store than it is to have:
// who asks may be anybody inside.
func answers(want agentapi.Wanted, lack agentapi.Lack) error {
	wanted := nixstore.SetOf(want.Closure)
	for _, path := range lack.Missing {
		if !wanted[path] {
			return fmt.Errorf("the volume asks for %q, which is no part of what is copied: who works in it is not to be trusted; nothing was copied", path)
		}
	}
	return nil
}

// talk executes a mode of the agent in the anchor, which is told what is wanted
// as a line of JSON, and ends with the connection.
func (h Handle) talk(ctx context.Context, mode string, want any, with func(*engine.Stream) error) error {
	err := h.talkOnce(ctx, mode, want, with)
	if h.outdated(err) {
		if err := h.renewAgent(ctx); err != nil {
			return err
		}
		err = h.talkOnce(ctx, mode, want, with)
	}
	return err
}

func (h Handle) talkOnce(ctx context.Context, mode string, want any, with func(*engine.Stream) error) error {
	s, err := h.Engine.Exec(ctx, h.Anchor.ID, agentapi.Binary, mode)
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	question, err := json.Marshal(want)
	if err != nil {
		return err
	}
	go func() { _, _ = s.Write(append(question, '\n')) }() // an agent that does not know the mode ends without having read it
	return with(s)
}

// exchange sends while it listens: the agent may give up before it has all.
func exchange(ctx context.Context, s *engine.Stream, said *json.Decoder, send func(io.Writer) error) error {
	ended := make(chan error, 1)
	go func() {
		err := agentapi.Follow(io.MultiReader(said.Buffered(), s), func(int64, int64) {}, &struct{}{})
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
		return explain(ctx, s, err)
	}
	return nil
}

// explain finds the agent's words for why there is no more to read.
func explain(ctx context.Context, s *engine.Stream, err error) error {
	if ended := s.Ended(ctx, agentapi.Binary); ended != nil {
		return ended
	}
	return err
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
