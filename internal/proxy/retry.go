package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/volume"
)

const (
	// attempts is how often the slow way is tried at most.
	attempts = 3
	// notice is the time that an engine has to notice that a container has ended.
	notice = time.Second
	// notExecuted is the lowest exit status by which engines report that a program
	// could not be executed.
	notExecuted = 125
)

// retry makes sure of the base and does the work on it. Anchor and proxy container
// end by themselves when nobody has used them for a while. That can happen right
// after they were found running, and garbage collection may drop an image that
// nobody uses yet. Then retry begins anew.
func retry[T any](ctx context.Context, p *Proxy, s *spec, work func(*base) (T, error)) (result T, err error) {
	for left := attempts - 1; ; left-- {
		b := &base{}
		if err = p.ensureBase(ctx, s, b); err == nil {
			result, err = work(b)
		}
		if !transient(err) || !refusedFor(err, session.Unstamped) && !ended(ctx, b.engine, b.anchor.ID, b.proxy) {
			return result, err
		}
		if left == 0 {
			return result, hint.Add(fmt.Errorf("%w: it was tried %d times, and each time a container ended", err, attempts),
				"`nixproxy volume verify --repair` repairs what may be damaged in the volume, `nixproxy rm` and a new command make the containers anew")
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

// ended tells whether a container that was counted on does not run any more; an
// empty id is none. An engine that has much to do notices that late, but executes
// nothing in the container.
func ended(ctx context.Context, e Engine, ids ...string) bool {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	for deadline := time.Now().Add(notice); len(ids) > 0 && time.Now().Before(deadline); {
		for _, id := range ids {
			c, err := e.FindContainer(ctx, id)
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
	return slices.ContainsFunc(ids, func(id string) bool { return refusesToExecute(ctx, e, id) })
}

// refusesToExecute tells whether the engine says that nothing can be executed in a
// container; what the agent says that is executed does not matter.
func refusesToExecute(ctx context.Context, e Engine, id string) bool {
	_, err := e.Output(ctx, id, "[]", agentapi.Binary, agentapi.ModeDescribe)
	exit, ok := errors.AsType[*engine.ExitError](err)
	return engine.IsConflict(err) || engine.IsNotFound(err) || ok && exit.Status >= notExecuted
}
