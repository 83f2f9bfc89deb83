// Package input reads what the host sends to a job, and notices that the host is gone: the
// engine does not end a job then.
package input

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// ReadLine reads a line of JSON. It skips empty lines: they only show that the client is
// there.
func ReadLine(r *bufio.Reader, v any) error {
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if len(line) > 1 {
			return json.Unmarshal(line, v)
		}
	}
}

// ReadRequest begins a job in the anchor that has no input but its request. It reads the
// request as a line of JSON, occupies the volume until leave is called, and ends the context
// with the input, as then nobody waits for the job.
func ReadRequest(ctx context.Context, v layout.Volume, in io.Reader, request any) (_ context.Context, leave func(), err error) {
	lines := bufio.NewReader(in)
	if err := ReadLine(lines, request); err != nil {
		return nil, nil, fmt.Errorf("reading the request: %w", err)
	}
	left, err := v.Occupy(layout.Underway)
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		stop()
	}()
	return ctx, func() { stop(); left() }, nil
}
