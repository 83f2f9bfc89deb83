package maintenance

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// A VolumeRow is one volume, as `volume ls` shows it.
type VolumeRow struct {
	Name              string   `json:"name"`
	Flavour           string   `json:"flavour"`
	Platform          string   `json:"platform"`
	NixVersions       []string `json:"nixVersions"`       // of containers if no anchor runs
	RunningContainers int      `json:"runningContainers"` // proxy containers
	Current           bool     `json:"current"`           // a command here would use it
}

// List returns all volumes that nixproxy made on the engine. It starts no container,
// so only running anchors tell what is in their volumes.
func List(ctx context.Context, p *proxy.Proxy) ([]VolumeRow, error) {
	target, err := p.Target(ctx)
	if err != nil {
		return nil, err
	}
	volumes, err := target.Engine.Volumes(ctx, volume.LabelLayout)
	if err != nil {
		return nil, err
	}
	current := target.VolumeName()
	rows := []VolumeRow{}
	for _, v := range volumes {
		row := VolumeRow{Name: v.Name, Flavour: v.Labels[volume.LabelFlavour], Platform: v.Labels[volume.LabelPlatform], Current: v.Name == current}
		if err := row.fill(ctx, target.Engine); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b VolumeRow) int { return strings.Compare(a.Name, b.Name) })
	return rows, nil
}

// fill asks the engine for the volume's containers, and its anchor for the Nix
// versions in it.
func (r *VolumeRow) fill(ctx context.Context, e proxy.Engine) error {
	r.NixVersions = []string{}
	list, err := container.List(ctx, e, r.Name)
	if err != nil {
		return err
	}
	for _, c := range list {
		if container.Role(c.Labels[container.LabelRole]) != container.RoleProxy {
			continue
		}
		if nix := c.Labels[container.LabelNix]; nix != "" { // an image that promises no version
			r.NixVersions = append(r.NixVersions, nix)
		}
		if c.Running() {
			r.RunningContainers++
		}
	}
	status, err := proxy.StatusOfVolume(ctx, e, r.Name)
	if _, unusable := errors.AsType[*volume.UnusableError](err); unusable {
		err = nil // it is there all the same, and can be removed
	}
	for _, stamp := range status.Images {
		r.NixVersions = append(r.NixVersions, NixOf(stamp))
	}
	slices.Sort(r.NixVersions)
	r.NixVersions = slices.Compact(r.NixVersions)
	return err
}

// NixOf is the version of an image's Nix, without what `nix --version` says
// before it.
func NixOf(s agentapi.Stamp) string { return s.Version[strings.LastIndexByte(s.Version, ' ')+1:] }
