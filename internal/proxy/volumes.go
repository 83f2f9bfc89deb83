package proxy

import (
	"context"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// A VolumeRow is one volume, as `volume ls` shows it.
type VolumeRow struct {
	Name     string   `json:"name"`
	Flavour  string   `json:"flavour"`
	Platform string   `json:"platform"`
	Nix      []string `json:"nix"`     // versions; while no anchor runs those that containers are known for
	Running  int      `json:"running"` // proxy containers
	Current  bool     `json:"current"` // a command here would use it
}

// ListVolumes looks at all volumes that nixproxy made on the engine. It starts
// no container, so it is told of what is in them by those that run.
func (p *Proxy) ListVolumes(ctx context.Context) ([]VolumeRow, error) {
	want, e, info, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	volumes, err := e.Volumes(ctx, volume.LabelLayout)
	if err != nil {
		return nil, err
	}
	current := want.volumeOn(info)
	rows := []VolumeRow{}
	for _, v := range volumes {
		row := VolumeRow{Name: v.Name, Flavour: v.Labels[volume.LabelFlavour], Platform: v.Labels[volume.LabelPlatform], Current: v.Name == current}
		if err := row.look(ctx, e); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b VolumeRow) int { return strings.Compare(a.Name, b.Name) })
	return rows, nil
}

// look asks the engine for the volume's containers, and its anchor for the Nix
// versions in it.
func (r *VolumeRow) look(ctx context.Context, e *engine.Engine) error {
	r.Nix = []string{}
	list, err := container.List(ctx, e, r.Name)
	if err != nil {
		return err
	}
	for _, c := range list {
		if container.Role(c.Labels[container.LabelRole]) != container.RoleProxy {
			continue
		}
		if nix := c.Labels[container.LabelNix]; nix != "" { // an image that promises no version
			r.Nix = append(r.Nix, nix)
		}
		if c.Running() {
			r.Running++
		}
	}
	status, err := volumeStatus(ctx, e, r.Name)
	if is[*volume.UnusableError](err) {
		err = nil // it is there all the same, and can be removed
	}
	for _, stamp := range status.Images {
		r.Nix = append(r.Nix, NixOf(stamp))
	}
	slices.Sort(r.Nix)
	r.Nix = slices.Compact(r.Nix)
	return err
}

// NixOf is the version of an image's Nix, without what `nix --version` says
// before it.
func NixOf(s agentapi.Stamp) string { return s.Version[strings.LastIndexByte(s.Version, ' ')+1:] }

// InspectVolume tells what is in the volume that a command would use.
func (p *Proxy) InspectVolume(ctx context.Context) (v volume.Volume, found agentapi.Inspection, err error) {
	err = p.onVolume(ctx, func(o opened) (err error) {
		v = o.Volume
		progress := p.Terminal.Start("reading volume " + o.Name)
		found, err = o.Inspect(ctx)
		progress.End(err)
		return err
	})
	return v, found, err
}
