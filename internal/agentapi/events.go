package agentapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// An Event is one line of a job's stdout: its progress, a question, or at the end its
// result. It is JSON, unlike a session's protocol, as people may read it.
type Event struct {
	Done     int64           `json:"done,omitempty"`
	Total    int64           `json:"total,omitempty"`    // 0: not known
	Question json.RawMessage `json:"question,omitempty"` // the job waits for the answer on its stdin
	Result   json.RawMessage `json:"result,omitempty"`
}

// A Teller writes a job's events.
type Teller struct{ out *json.Encoder }

// NewTeller returns a Teller that writes to out, a job's stdout.
func NewTeller(out io.Writer) Teller { return Teller{json.NewEncoder(out)} }

// Progress writes how far the job is. It ignores errors: the job goes on without a reader.
func (t Teller) Progress(done, total int64) { _ = t.out.Encode(Event{Done: done, Total: total}) }

// Ask writes a question to the follower of the job, and reads the answer from in. It ends
// with the context, as the follower may be gone.
func (t Teller) Ask(ctx context.Context, in io.Reader, question, answer any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	if err := t.out.Encode(Event{Question: text}); err != nil {
		return err
	}
	answered := make(chan error, 1)
	var reply json.RawMessage
	go func() { answered <- json.NewDecoder(in).Decode(&reply) }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err = <-answered:
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(reply, answer)
}

// Result writes the job's result, its last event.
func (t Teller) Result(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return t.out.Encode(Event{Result: text})
}

// ErrUnfinished says that a job's events ended without a result.
var ErrUnfinished = hint.Add(errors.New("the container ended before its job did"), "try again")

// Follow reads a job's events up to the result, which it stores in v.
func Follow(r io.Reader, progress func(done, total int64), v any) error {
	return Converse(r, progress, v, func(json.RawMessage) error { return errors.New("it asks what nobody here knows") })
}

// Converse does what Follow does, for a job that asks questions: answer replies on the
// job's stdin.
func Converse(r io.Reader, progress func(done, total int64), v any, answer func(question json.RawMessage) error) error {
	for decoder := json.NewDecoder(r); ; {
		var event Event
		if err := decoder.Decode(&event); err == io.EOF {
			return ErrUnfinished
		} else if err != nil {
			return fmt.Errorf("reading its progress: %w", err)
		}
		switch {
		case event.Result != nil:
			return json.Unmarshal(event.Result, v)
		case event.Question != nil:
			if err := answer(event.Question); err != nil {
				return err
			}
		default:
			progress(event.Done, event.Total)
		}
	}
}
