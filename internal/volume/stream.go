package volume

import (
	"bufio"
	"context"
	"encoding/json"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// A stream is a mode of the agent that runs in the anchor. Reading gives what the
// mode writes; it reads what is written. It ends with Close and with the context.
type stream struct {
	*engine.Stream
	out  *bufio.Reader
	stop func() bool // no longer ends with the context
}

// start executes a mode of the agent, gives it the request as a line of JSON, and
// returns when the mode has begun to answer. A mode that ends without an answer is
// an error.
func (h Handle) start(ctx context.Context, mode string, request any) (*stream, error) {
	s, err := h.startOnce(ctx, mode, request)
	if h.outdated(err) {
		if err := h.renewAgent(ctx); err != nil {
			return nil, err
		}
		s, err = h.startOnce(ctx, mode, request)
	}
	return s, err
}

func (h Handle) startOnce(ctx context.Context, mode string, request any) (*stream, error) {
	line, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	exec, err := h.Engine.Exec(ctx, h.Anchor.ID, agentapi.Binary, mode)
	if err != nil {
		return nil, err
	}
	s := &stream{Stream: exec, out: bufio.NewReaderSize(exec, 64<<10), stop: context.AfterFunc(ctx, func() { exec.Close() })}
	// An agent that does not know the mode ends without having read the request.
	go func() { _, _ = s.Write(append(line, '\n')) }()
	if _, err := s.out.Peek(1); err != nil {
		defer s.Close()
		return nil, s.explain(ctx, err)
	}
	return s, nil
}

func (s *stream) Read(p []byte) (int, error) { return s.out.Read(p) }

// Close ends the mode.
func (s *stream) Close() error {
	s.stop()
	return s.Stream.Close()
}

// explain finds the agent's words for why there is no more to read.
func (s *stream) explain(ctx context.Context, err error) error {
	if ended := s.Ended(ctx, agentapi.Binary); ended != nil {
		return ended
	}
	return err
}
