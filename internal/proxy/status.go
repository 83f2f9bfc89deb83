package proxy

import (
	"context"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/version"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// A Status is what there is, and what a command would use of it.
type Status struct {
	Engine     EngineStatus      `json:"engine"`
	Nix        NixStatus         `json:"nix"`
	Image      ImageStatus       `json:"image"`
	Volume     VolumeStatus      `json:"volume"`
	Containers []ContainerStatus `json:"containers"`
}

// An EngineStatus says which engine is used and why.
type EngineStatus struct {
	Address    string `json:"address"`
	Origin     string `json:"origin"`
	Version    string `json:"version"`
	APIVersion string `json:"apiVersion"`
	Platform   string `json:"platform"`
}

// A NixStatus says which Nix a command would run and why.
type NixStatus struct {
	Version string `json:"version"`
	Flavour string `json:"flavour"`
	Origin  string `json:"origin"` // "--nix-version", "default", or the host's binary
}

// An ImageStatus says which image that means.
type ImageStatus struct {
	Reference string `json:"reference"` // the first one that would be tried
	Present   bool   `json:"present"`   // one of those that mean just this version is on the engine
}

// A VolumeStatus says what the volume holds. The stamps are known while its
// anchor runs.
type VolumeStatus struct {
	Name    string           `json:"name"`
	Present bool             `json:"present"`
	Images  []agentapi.Stamp `json:"images"`
}

// A ContainerStatus is one of the volume's containers.
type ContainerStatus struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	State   string `json:"state"`
	Nix     string `json:"nix,omitempty"`
	Project string `json:"project,omitempty"`
}

// Status looks and changes nothing.
func (p *Proxy) Status(ctx context.Context) (Status, error) {
	var s Status
	want, e, info, err := p.look(ctx)
	if err != nil {
		return s, err
	}
	s.Engine = EngineStatus{Address: want.endpoint.Address, Origin: want.endpoint.Origin, Version: info.Version,
		APIVersion: info.APIVersion, Platform: info.OS + "/" + info.Arch}
	s.Nix = p.nixStatus(want.nix)
	if s.Image, err = imageStatus(ctx, e, want); err != nil {
		return s, err
	}
	name := want.volumeOn(info)
	if s.Containers, err = containerStatus(ctx, e, name); err != nil {
		return s, err
	}
	s.Volume, err = volumeStatus(ctx, e, name)
	return s, err
}

// look opens the engine that a command would use, with what that would want of it.
func (p *Proxy) look(ctx context.Context) (*want, *engine.Engine, engine.Info, error) {
	want, err := p.want(ctx)
	if err != nil {
		return nil, nil, engine.Info{}, err
	}
	e, info, err := p.open(ctx, want.endpoint)
	return want, e, info, err
}

// volumeOn names the volume that a command would use on an engine.
func (w *want) volumeOn(info engine.Info) string {
	return w.volumeName(platformOf(w.source.Platform, info))
}

// platformOf is the platform that was asked for, else the engine's own.
func platformOf(asked string, info engine.Info) (os, arch string) {
	if parts := strings.Split(asked, "/"); len(parts) > 1 {
		return parts[0], parts[1]
	}
	return info.OS, info.Arch
}

func (p *Proxy) nixStatus(nix version.Nix) NixStatus {
	origin := "default"
	switch {
	case nix.Binary != "":
		origin = nix.Binary
	case p.Settings.NixVersion != "":
		origin = "--nix-version"
	}
	return NixStatus{Version: nix.Version, Flavour: string(nix.Flavour), Origin: origin}
}

func imageStatus(ctx context.Context, e *engine.Engine, w *want) (ImageStatus, error) {
	refs, _, err := w.source.References(w.nix)
	if err != nil || len(refs) == 0 {
		return ImageStatus{}, err
	}
	for _, ref := range refs {
		_, err := e.FindImage(ctx, ref, w.source.Platform)
		if err == nil {
			return ImageStatus{Reference: ref, Present: true}, nil
		}
		if !engine.IsNotFound(err) {
			return ImageStatus{}, err
		}
	}
	return ImageStatus{Reference: refs[0]}, nil
}

func containerStatus(ctx context.Context, e *engine.Engine, volume string) ([]ContainerStatus, error) {
	list, err := container.List(ctx, e, volume)
	all := []ContainerStatus{}
	for _, c := range list {
		all = append(all, ContainerStatus{Name: c.Name, Role: c.Labels[container.LabelRole], State: c.State,
			Nix: c.Labels[container.LabelNix], Project: c.Labels[container.LabelProject]})
	}
	return all, err
}

func volumeStatus(ctx context.Context, e *engine.Engine, name string) (VolumeStatus, error) {
	s := VolumeStatus{Name: name, Images: []agentapi.Stamp{}}
	if _, err := e.FindVolume(ctx, name); err != nil {
		if engine.IsNotFound(err) {
			err = nil
		}
		return s, err
	}
	s.Present = true
	anchor, err := e.FindContainer(ctx, container.AnchorName(name))
	if engine.IsNotFound(err) || err == nil && !anchor.Running() {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	found, err := volume.Open{Volume: volume.Volume{Name: name}, Engine: e, Anchor: anchor}.Look(ctx)
	if err != nil && (&base{engine: e, anchor: anchor}).ended(ctx) {
		return s, nil // just now, for want of use
	}
	s.Images = found.Stamps
	return s, err
}

// Versions is what can be said without an engine.
type Versions struct {
	Nix   NixStatus
	Image string // the first reference that would be tried
}

// Versions tells which Nix a command would run and from which image.
func (p *Proxy) Versions(ctx context.Context) (Versions, error) {
	nix, _, err := p.nix(ctx)
	if err != nil {
		return Versions{}, err
	}
	refs, _, err := p.Source().References(nix)
	if err != nil {
		return Versions{}, err
	}
	v := Versions{Nix: p.nixStatus(nix)}
	if len(refs) > 0 {
		v.Image = refs[0]
	}
	return v, nil
}
