package proxy

import (
	"context"

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
	Name       string `json:"name"`
	Role       string `json:"role"`
	State      string `json:"state"`
	NixVersion string `json:"nixVersion,omitempty"`
	Project    string `json:"project,omitempty"`
}

// Status tells what there is. It changes nothing.
func (p *Proxy) Status(ctx context.Context) (Status, error) {
	var s Status
	t, err := p.Target(ctx)
	if err != nil {
		return s, err
	}
	s.Engine = EngineStatus{Address: t.endpoint.Address, Origin: t.endpoint.Origin, Version: t.Info.Version,
		APIVersion: t.Info.APIVersion, Platform: t.Info.OS + "/" + t.Info.Arch}
	s.Nix = p.nixStatus(t.nix)
	if s.Image, err = imageStatus(ctx, t); err != nil {
		return s, err
	}
	name := t.VolumeName()
	if s.Containers, err = StatusOfContainers(ctx, t.Engine, name); err != nil {
		return s, err
	}
	s.Volume, err = StatusOfVolume(ctx, t.Engine, name)
	return s, err
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

func imageStatus(ctx context.Context, t *Target) (ImageStatus, error) {
	refs, _, err := t.source.References(t.nix)
	if err != nil || len(refs) == 0 {
		return ImageStatus{}, err
	}
	for _, ref := range refs {
		_, err := t.Engine.FindImage(ctx, ref, t.source.Platform)
		if err == nil {
			return ImageStatus{Reference: ref, Present: true}, nil
		}
		if !engine.IsNotFound(err) {
			return ImageStatus{}, err
		}
	}
	return ImageStatus{Reference: refs[0]}, nil
}

// StatusOfContainers lists the containers of a volume.
func StatusOfContainers(ctx context.Context, e container.Engine, volume string) ([]ContainerStatus, error) {
	list, err := container.List(ctx, e, volume)
	all := []ContainerStatus{}
	for _, c := range list {
		all = append(all, ContainerStatus{Name: c.Name, Role: c.Labels[container.LabelRole], State: c.State,
			NixVersion: c.Labels[container.LabelNix], Project: c.Labels[container.LabelProject]})
	}
	return all, err
}

// StatusOfVolume asks the anchor of a volume what is in it, if both are there. It
// starts nothing.
func StatusOfVolume(ctx context.Context, e Engine, name string) (VolumeStatus, error) {
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
	found, err := volume.Handle{Volume: volume.Volume{Name: name}, Engine: e, Anchor: anchor}.Contents(ctx)
	if err != nil && ended(ctx, e, anchor.ID) {
		return s, nil // just now, for want of use
	}
	s.Images = found.Stamps
	return s, err
}
