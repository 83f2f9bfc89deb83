package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/nixproxy/nixproxy/internal/volume"
)

// settingUp goes the slow way with the engine's lock held. Where a volume's database
// has to wait for its users, that is done without the lock: they may need it, and so
// does `nixproxy stop`.
func (p *Proxy) settingUp(ctx context.Context, w *want, work func() error) error {
	if err := w.alone(); err != nil {
		return err
	}
	w.explain(p.Terminal)
	for {
		unlock, err := p.lock(ctx, w.endpoint)
		if err != nil {
			return err
		}
		err = work()
		unlock()
		var held *volume.HeldError
		if !errors.As(err, &held) {
			return err
		}
		p.Terminal.Note("%v: waiting until it is not (`nixproxy stop` ends what uses it)", err)
		if err := released(ctx, held); err != nil {
			return err
		}
	}
}

// released waits until nobody uses a volume any more.
func released(ctx context.Context, held *volume.HeldError) error {
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

// alone refuses a Nix that needs a volume of its own and was given none: the
// default one is for all.
func (w *want) alone() error {
	if _, promised, err := w.source.References(w.nix); err != nil || !promised || w.volume != "" {
		return err
	}
	return w.nix.Alone()
}
