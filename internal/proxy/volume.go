package proxy

import (
	"context"
	"errors"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// A Volume is a volume that is there, opened on its engine, with what was found in
// it then. It holds no lock.
type Volume struct {
	volume.Handle
	Engine Engine
	Stamps []agentapi.Stamp
}

// OpenVolume opens the volume that a command would use, with whatever Nix image
// its engine has: it pulls none and syncs none, as there may be no room for one.
// A *volume.MissingError says that there is no such volume.
func (p *Proxy) OpenVolume(ctx context.Context) (Volume, error) {
	t, err := p.Target(ctx)
	if err != nil {
		return Volume{}, err
	}
	unlock, err := p.lock(ctx, t.endpoint)
	if err != nil {
		return Volume{}, err
	}
	defer unlock()
	v := Volume{Engine: t.Engine}
	if v.Handle, err = p.openHandle(ctx, t); err != nil {
		return v, err
	}
	prepared, err := v.Prepare(ctx) // which also keeps an idle anchor from ending now
	v.Stamps = prepared.Stamps
	v.Waiting = func() { p.Terminal.Note("waiting for another job on volume %s", v.Name) }
	return v, err
}

// openHandle makes sure of the anchor of a volume that is there.
func (p *Proxy) openHandle(ctx context.Context, t *Target) (volume.Handle, error) {
	h := volume.Handle{Engine: t.Engine}
	name := t.VolumeName()
	var err error
	if h.Volume, err = volume.Find(ctx, t.Engine, name); err != nil {
		return h, err
	}
	h.Place.Volume = name
	if h.Place.Image, err = t.anyImage(ctx, name); err != nil {
		return h, err
	}
	if h.Place.Agent, err = p.Agents.For(t.Info.Arch); err != nil {
		return h, err
	}
	h.Anchor, err = container.Anchor(ctx, t.Engine, h.Place)
	return h, err
}

// anyImage returns the anchor's image, else the one that a command would use, else
// any Nix image: a container needs no more of it than a file system.
func (t *Target) anyImage(ctx context.Context, volume string) (engine.Image, error) {
	anchor, err := t.Engine.FindContainer(ctx, container.AnchorName(volume))
	if err == nil {
		return engine.Image{ID: anchor.Image}, nil
	}
	if !engine.IsNotFound(err) {
		return engine.Image{}, err
	}
	refs, _, err := t.source.References(t.nix)
	if err != nil {
		return engine.Image{}, err
	}
	found, err := t.source.Installed(ctx, t.Engine, refs...)
	if err != nil {
		return engine.Image{}, err
	}
	if len(found) > 0 {
		return found[0].Image, nil
	}
	return engine.Image{}, hint.Add(errors.New("there is no Nix image on the engine to make a container of"), "get one with `nixproxy image pull` or `nixproxy image load`")
}

// SyncVolume makes sure that the store of the host's image is in the volume, and
// returns the volume with that image's stamp. It holds no lock.
func (p *Proxy) SyncVolume(ctx context.Context) (volume.Handle, agentapi.Stamp, error) {
	s, err := p.spec(ctx)
	if err != nil {
		return volume.Handle{}, agentapi.Stamp{}, err
	}
	b, err := setUp(ctx, p, s, func() (*base, error) {
		return retry(ctx, p, s, func(b *base) (*base, error) { return b, nil })
	})
	if err != nil {
		return volume.Handle{}, agentapi.Stamp{}, err
	}
	return b.handle(), b.stamp, nil
}
