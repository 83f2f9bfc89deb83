// Package volume is the one persistent /nix volume: made with labels, filled
// from images through throwaway containers, and never from anything that
// nixproxy did not make.
package volume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agent"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// Labels of a volume, besides its containers' label with its own name.
const (
	LabelLayout   = "dev.nixproxy.layout"
	LabelFlavour  = "dev.nixproxy.flavour"
	LabelPlatform = "dev.nixproxy.platform"
)

// A Volume says which volume is meant and what may be in it.
type Volume struct {
	Name     string
	Flavour  string // nix, lix
	Platform string // os/arch
}

// Name is the default name of the volume of a flavour and platform.
func Name(flavour, os, arch string) string {
	if flavour == "nix" {
		return "nixproxy-" + os + "-" + arch
	}
	return "nixproxy-" + flavour + "-" + os + "-" + arch
}

// An Engine is what this package asks of an engine; *engine.Engine is one.
type Engine interface {
	container.Engine
	CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error)
	Output(ctx context.Context, id string, stdin string, argv ...string) ([]byte, error)
}

// Ensure makes sure that the volume is there and is ours. One that something
// else made, or that is for another flavour or platform, is an error.
func (v Volume) Ensure(ctx context.Context, e Engine) error {
	labels := map[string]string{
		container.LabelVolume: v.Name, LabelLayout: agent.Layout, LabelFlavour: v.Flavour, LabelPlatform: v.Platform,
	}
	found, err := e.CreateVolume(ctx, v.Name, labels)
	if err != nil {
		return err
	}
	if _, ours := found.Labels[LabelLayout]; !ours {
		return fmt.Errorf("volume %s was not made by nixproxy: name another one with --volume", v.Name)
	}
	for label, what := range map[string]string{LabelLayout: "layout", LabelFlavour: "flavour", LabelPlatform: "platform"} {
		if has := found.Labels[label]; has != labels[label] {
			return fmt.Errorf("volume %s has %s %s, and %s is needed here: name another one with --volume", v.Name, what, has, labels[label])
		}
	}
	return nil
}

// An UnusableError says that there is something in a volume, or wrong with it,
// that keeps nixproxy from using it.
type UnusableError struct {
	Volume string
	Err    error
}

func (u *UnusableError) Error() string {
	return fmt.Sprintf("volume %s cannot be used: %v", u.Volume, u.Err)
}

func (u *UnusableError) Unwrap() error { return u.Err }

// Prepare makes a new volume ours inside, checks an old one, and tells what is
// in it. It is asked of the anchor, which sees the volume and nothing else.
func (v Volume) Prepare(ctx context.Context, e Engine, anchor engine.Container) (agent.Prepared, error) {
	var p agent.Prepared
	output, err := e.Output(ctx, anchor.ID, "", agent.Binary, "prepare")
	var said *engine.ExitError
	if errors.As(err, &said) && said.Stderr != "" {
		return p, &UnusableError{Volume: v.Name, Err: err}
	}
	if err != nil {
		return p, fmt.Errorf("asking what volume %s holds: %w", v.Name, err)
	}
	if err := json.Unmarshal(output, &p); err != nil {
		return p, fmt.Errorf("reading what volume %s holds: %w", v.Name, err)
	}
	return p, nil
}

// A Progress is told of a copy in store paths.
type Progress interface {
	Set(done, total int64)
	End(err error)
}

// Sync copies an image's store into the volume and returns the stamp. A stamped
// image costs one question; begin is called when there is more to do.
func (v Volume) Sync(ctx context.Context, e Engine, p container.Place, anchor engine.Container, identity, reference string, begin func() Progress) (agent.Stamp, error) {
	for {
		prepared, err := v.Prepare(ctx, e, anchor)
		if err != nil {
			return agent.Stamp{}, err
		}
		if stamp, ok := prepared.Stamped(identity); ok {
			return stamp, nil
		}
		progress := begin()
		var stamp *agent.Stamp
		err = container.Throwaway(ctx, e, p, anchor, func(r io.Reader) (err error) {
			stamp, err = readEvents(r, progress)
			return err
		}, "sync", identity, reference)
		progress.End(err)
		if errors.Is(err, container.ErrOccupied) {
			continue
		}
		if err != nil {
			return agent.Stamp{}, fmt.Errorf("syncing image %s into volume %s: %w", reference, v.Name, err)
		}
		return *stamp, nil
	}
}

func readEvents(r io.Reader, progress Progress) (*agent.Stamp, error) {
	for decoder := json.NewDecoder(r); ; {
		var event agent.SyncEvent
		if err := decoder.Decode(&event); err == io.EOF {
			return nil, errors.New("the throwaway container ended before its job did: try again")
		} else if err != nil {
			return nil, fmt.Errorf("reading its progress: %w", err)
		}
		if event.Stamp != nil {
			return event.Stamp, nil
		}
		progress.Set(event.Done, event.Total)
	}
}
