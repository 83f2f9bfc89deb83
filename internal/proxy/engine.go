package proxy

import (
	"context"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/platform"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// An Engine is what a command asks of an engine; *engine.Engine is one.
type Engine interface {
	image.Engine
	volume.Engine
	Greet(ctx context.Context) (engine.Info, error)
	Kind(ctx context.Context) engine.Kind
	Volumes(ctx context.Context, labels ...string) ([]engine.Volume, error)
	RemoveVolume(ctx context.Context, name string) error
}

// A Target is the engine that a command would use, with what the command would
// want of it.
type Target struct {
	*spec
	Engine Engine
	Info   engine.Info
}

// Target opens the engine that a command would use. It makes nothing on it.
func (p *Proxy) Target(ctx context.Context) (*Target, error) {
	s, err := p.spec(ctx)
	if err != nil {
		return nil, err
	}
	e, info, err := p.greet(ctx, s.endpoint)
	if err != nil {
		return nil, err
	}
	return &Target{spec: s, Engine: e, Info: info}, nil
}

// VolumeName names the volume that the command would use.
func (t *Target) VolumeName() string {
	return t.volumeName(platformOf(t.source.Platform, t.Info))
}

// platformOf returns the platform that was requested, else the engine's own.
func platformOf(requested string, info engine.Info) (os, arch string) {
	if requested == "" {
		return info.OS, info.Arch
	}
	os, arch, _ = platform.Split(requested)
	return os, arch
}

// OpenEngine opens the engine that the settings mean.
func (p *Proxy) OpenEngine(ctx context.Context) (Engine, error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, err
	}
	e, _, err := p.greet(ctx, endpoint)
	return e, err
}

// LockEngine opens the engine that the settings mean, with its lock held.
func (p *Proxy) LockEngine(ctx context.Context) (e Engine, unlock func(), err error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, nil, err
	}
	if unlock, err = p.lock(ctx, endpoint); err != nil {
		return nil, nil, err
	}
	if e, _, err = p.greet(ctx, endpoint); err != nil {
		unlock()
		return nil, nil, err
	}
	return e, unlock, nil
}

// greet opens an engine and refuses one that has no Linux containers.
func (p *Proxy) greet(ctx context.Context, endpoint engine.Endpoint) (Engine, engine.Info, error) {
	e, err := p.NewEngine(endpoint, "")
	if err != nil {
		return nil, engine.Info{}, err
	}
	info, err := e.Greet(ctx)
	if err == nil && info.OS != "linux" {
		err = fmt.Errorf("the engine at %s runs %s containers: Linux ones are needed", endpoint.Address, info.OS)
	}
	return e, info, err
}
