package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/volume"
)

const (
	// attempts is how often the slow path is gone at most.
	attempts = 3
	// notice is the time that an engine has to notice that a container has ended.
	notice = time.Second
)

// onBase makes sure of the base and does the work on it. Anchor and proxy
// container end by themselves when nobody has used them for a while, which can be
// right after they were found to run: then it begins anew.
func (p *Proxy) onBase(ctx context.Context, w *want, work func(*base) error) error {
	for left := attempts - 1; ; left-- {
		b := &base{}
		err := p.ensureBase(ctx, w, b)
		if err == nil {
			err = work(b)
		}
		if left == 0 || !transient(err) || !b.ended(ctx) {
			return err
		}
		p.Terminal.Debug("once more, as a container has ended: %v", err)
	}
}

// transient tells whether an error can be due to a container's end.
func transient(err error) bool {
	var unusable *volume.UnusableError
	var wrong *misMount
	var refused *agent.Refused
	missing := errors.As(err, &refused) && refused.Reason == agent.NoDirectory
	return slowPath(err) && !missing && !errors.As(err, &unusable) && !errors.As(err, &wrong) && !engine.IsUnshared(err)
}

// ended tells whether a container that was counted on does not run any more.
func (b *base) ended(ctx context.Context) bool {
	for deadline := time.Now().Add(notice); time.Now().Before(deadline); {
		for _, id := range []string{b.anchor.ID, b.proxy} {
			if id == "" {
				continue
			}
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
	return false
}
