package proxy

import (
	"context"
	"errors"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// onStore makes sure that the store of the host's image is in the volume, and
// then, with nobody kept waiting, does the work on it. The stamp is that image's.
func (p *Proxy) onStore(ctx context.Context, work func(volume.Open, agentapi.Stamp) error) error {
	want, err := p.want(ctx)
	if err != nil {
		return err
	}
	var of base
	err = p.settingUp(ctx, want, func() error {
		return p.onBase(ctx, want, func(b *base) error {
			of = *b
			return nil
		})
	})
	if err != nil {
		return err
	}
	return work(of.open(), of.stamp)
}

// An opened volume is one that is there, on its engine, with what was found in it.
type opened struct {
	volume.Open
	on     *engine.Engine
	stamps []agentapi.Stamp
}

// onVolume does work on a volume that is there, with whatever Nix image its engine
// has: it pulls none and syncs none, as there may be no room for it.
func (p *Proxy) onVolume(ctx context.Context, work func(opened) error) error {
	want, e, info, err := p.look(ctx)
	if err != nil {
		return err
	}
	unlock, err := p.lock(ctx, want.endpoint)
	if err != nil {
		return err
	}
	open, err := want.openVolume(ctx, e, info)
	unlock()
	if err != nil {
		return err
	}
	open.Waiting = func() { p.Terminal.Note("waiting for another job on volume %s", open.Name) }
	return work(open)
}

func (w *want) openVolume(ctx context.Context, e *engine.Engine, info engine.Info) (open opened, err error) {
	name := w.volumeOn(info)
	open.Engine, open.on = e, e
	if open.Volume, err = volume.Find(ctx, e, name); err != nil {
		return open, err
	}
	image, err := w.anyImage(ctx, e, name)
	if err != nil {
		return open, err
	}
	program, err := agentbin.For(info.Arch)
	if err != nil {
		return open, err
	}
	open.Place = container.Place{Volume: name, Image: image, Agent: program}
	if open.Anchor, err = container.Anchor(ctx, e, open.Place); err != nil {
		return open, err
	}
	prepared, err := open.Prepare(ctx) // an anchor that is idle ends soon: this says, too, that somebody is expected
	open.stamps = prepared.Stamps
	return open, err
}

// anyImage is the anchor's, else the one that a command would use, else any Nix
// image: all that is needed of it is a file system for a container.
func (w *want) anyImage(ctx context.Context, e *engine.Engine, name string) (engine.Image, error) {
	anchor, err := e.FindContainer(ctx, container.AnchorName(name))
	if err == nil {
		return engine.Image{ID: anchor.Image}, nil
	}
	if !engine.IsNotFound(err) {
		return engine.Image{}, err
	}
	refs, _, err := w.source.References(w.nix)
	if err != nil {
		return engine.Image{}, err
	}
	found, err := w.source.Installed(ctx, e, refs...)
	if err != nil {
		return engine.Image{}, err
	}
	if len(found) > 0 {
		return found[0].Image, nil
	}
	return engine.Image{}, errors.New("there is no Nix image on the engine to make a container of: get one with `nixproxy image pull` or `nixproxy image load`")
}
