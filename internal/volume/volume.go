// Package volume is the one persistent /nix volume: made with labels, filled
// from images through throwaway containers, and never from anything that
// nixproxy did not make.
package volume

import (
	"context"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
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
	FindVolume(ctx context.Context, name string) (engine.Volume, error)
	Output(ctx context.Context, id string, stdin string, argv ...string) ([]byte, error)
	Exec(ctx context.Context, id string, argv ...string) (*engine.Stream, error)
}

// Ensure makes sure that the volume is there and is ours. One that something
// else made, or that is for another flavour or platform, is an error.
func (v Volume) Ensure(ctx context.Context, e Engine) error {
	found, err := e.CreateVolume(ctx, v.Name, v.labels())
	if err != nil {
		return err
	}
	return v.check(found)
}

func (v Volume) labels() map[string]string {
	return map[string]string{
		container.LabelVolume: v.Name, LabelLayout: agentapi.Layout, LabelFlavour: v.Flavour, LabelPlatform: v.Platform,
	}
}

const anotherVolume = "name another one with --volume"

// check refuses a volume that is not this one.
func (v Volume) check(found engine.Volume) error {
	labels := v.labels()
	if _, ours := found.Labels[LabelLayout]; !ours {
		return hint.Add(fmt.Errorf("volume %s was not made by nixproxy", v.Name), anotherVolume)
	}
	for label, what := range map[string]string{LabelLayout: "layout", LabelFlavour: "flavour", LabelPlatform: "platform"} {
		if has := found.Labels[label]; has != labels[label] {
			return hint.Add(fmt.Errorf("volume %s has %s %s, and %s is needed here", v.Name, what, has, labels[label]), anotherVolume)
		}
	}
	return nil
}

// Find returns a volume that is there, as its labels describe it; one that
// nixproxy did not make, or another layout, is an error.
func Find(ctx context.Context, e Engine, name string) (Volume, error) {
	found, err := e.FindVolume(ctx, name)
	if engine.IsNotFound(err) {
		return Volume{}, hint.Add(&MissingError{name}, "`nixproxy run` or `nixproxy sync` makes it, and `nixproxy volume ls` lists those that are there")
	}
	if err != nil {
		return Volume{}, err
	}
	v := Volume{Name: name, Flavour: found.Labels[LabelFlavour], Platform: found.Labels[LabelPlatform]}
	return v, v.check(found)
}

// A MissingError says that there is no such volume.
type MissingError struct{ Volume string }

func (m *MissingError) Error() string {
	return fmt.Sprintf("there is no volume %s yet", m.Volume)
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
