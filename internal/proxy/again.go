package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/volume"
)

const (
	// attempts is how often the slow path is gone at most.
	attempts = 3
	// notice is the time that an engine has to notice that a container has ended.
	notice = time.Second
	// notExecuted is the least exit status by which engines say that a program
	// could not be executed.
	notExecuted = 125
)

// onBase makes sure of the base and does the work on it. Anchor and proxy
// container end by themselves when nobody has used them for a while, which can be
// right after they were found to run, and a collection may drop an image that
// nobody uses yet: then it begins anew.
func (p *Proxy) onBase(ctx context.Context, w *want, work func(*base) error) error {
	for left := attempts - 1; ; left-- {
		b := &base{}
		err := p.ensureBase(ctx, w, b)
		if err == nil {
			err = work(b)
		}
		ended := transient(err) && (refusedFor(err, session.Unstamped) || b.ended(ctx))
		if !ended {
			return err
		}
		if left == 0 {
			return fmt.Errorf("%w: it was tried %d times, and each time a container ended: "+
				"`nixproxy volume verify --repair` mends what may be damaged in the volume, `nixproxy rm` and a new command make the containers anew", err, attempts)
		}
		p.Terminal.Debug("once more, as a container has ended or the image was dropped: %v", err)
	}
}

// transient tells whether an error can be due to a container's end.
func transient(err error) bool {
	lasts := is[*volume.UnusableError](err) || is[*volume.HeldError](err) || is[*misMount](err) || is[*refusedLimits](err) || refusedFor(err, session.NoDirectory)
	return slowPath(err) && !lasts && !engine.IsUnshared(err)
}

// is tells whether an error is of a type, or wraps one that is.
func is[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

// refusedFor tells whether a session was refused for that reason.
func refusedFor(err error, reason session.Reason) bool {
	refused, was := errors.AsType[*session.Refused](err)
	return was && refused.Reason == reason
}

// ended tells whether a container that was counted on does not run any more. An
// engine that has much to do notices that late, but executes nothing in it.
func (b *base) ended(ctx context.Context) bool {
	var counted []string
	for _, id := range []string{b.anchor.ID, b.proxy} {
		if id != "" {
			counted = append(counted, id)
		}
	}
	for deadline := time.Now().Add(notice); len(counted) > 0 && time.Now().Before(deadline); {
		for _, id := range counted {
			c, err := b.engine.FindContainer(ctx, id)
			if engine.IsNotFound(err) || err == nil && !c.Running() {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(notice / 10):
		}
	}
	return slices.ContainsFunc(counted, func(id string) bool { return b.refusesToExecute(ctx, id) })
}

// refusesToExecute tells whether the engine says that nothing can be executed in a
// container; what the agent says that is executed does not matter.
func (b *base) refusesToExecute(ctx context.Context, id string) bool {
	_, err := b.engine.Output(ctx, id, "[]", agentapi.Binary, "look")
	var said *engine.ExitError
	return engine.IsConflict(err) || engine.IsNotFound(err) || errors.As(err, &said) && said.Status >= notExecuted
}
