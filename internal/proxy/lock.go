package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// lock orders everything that changes an engine.
func (p *Proxy) lock(ctx context.Context, endpoint engine.Endpoint) (func(), error) {
	return p.State.Lock(ctx, "engine-"+digest(endpoint.Address), func() {
		p.Terminal.Note("waiting for another nixproxy that is setting up on this engine")
	})
}

// setUp does the work of the slow way with the engine's lock held. Where a
// volume's database has to wait for its users, setUp waits without the lock: the
// users may need it, and so does `nixproxy stop`.
func setUp[T any](ctx context.Context, p *Proxy, s *spec, work func() (T, error)) (T, error) {
	var none T
	if err := s.checkShared(); err != nil {
		return none, err
	}
	s.explain(p.Terminal)
	for {
		unlock, err := p.lock(ctx, s.endpoint)
		if err != nil {
			return none, err
		}
		result, err := work()
		unlock()
		held, ok := errors.AsType[*volume.HeldError](err)
		if !ok {
			return result, err
		}
		p.Terminal.Note("%v: waiting until it is not (`nixproxy stop` ends what uses it)", err)
		if err := awaitRelease(ctx, held); err != nil {
			return none, err
		}
	}
}

// awaitRelease returns when nobody uses the volume's database any more.
func awaitRelease(ctx context.Context, held *volume.HeldError) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		if !held.Held(ctx) {
			return ctx.Err()
		}
	}
}

// checkShared refuses a Nix that needs a volume of its own and was given none:
// the default one is shared by all.
func (s *spec) checkShared() error {
	if _, promised, err := s.source.References(s.nix); err != nil || !promised || s.volume != "" {
		return err
	}
	return s.nix.Alone()
}
