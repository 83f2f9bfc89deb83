package container

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// AnchorName is the name of a volume's anchor.
func AnchorName(volume string) string { return volume + "-anchor" }

// Anchor makes sure that the volume's anchor runs and returns it. It is the
// first to mount a new volume, and does so where the image has nothing: Podman
// fills an empty volume from the image even when told not to (seen with 4.3 and
// 5.8).
//
// With a new anchor goes a new PID namespace, so proxy containers of an earlier
// one, which can never start again, are removed.
func Anchor(ctx context.Context, e Engine, p Place) (engine.Container, error) {
	c, err := findOrCreate(ctx, e, engine.Specification{
		Name: AnchorName(p.Volume), Image: p.Image.ID, Platform: p.Platform,
		Entrypoint: []string{agentapi.Binary, agentapi.ModeAnchor},
		Labels:     labels(p.Volume, RoleAnchor),
		Mounts:     []engine.Mount{{Volume: p.Volume, Target: agentapi.AlternateNix}},
		Init:       true,
		NoNetwork:  true,
	})
	if err != nil {
		return c, err
	}
	if err := checkOurs(c, p.Volume, RoleAnchor); err != nil {
		return c, err
	}
	if c.State == "created" {
		if err := removeOrphans(ctx, e, p.Volume, c.ID); err != nil {
			return c, err
		}
	}
	return c, complete(ctx, e, c, p.Agent)
}

func removeOrphans(ctx context.Context, e Engine, volume, anchor string) error {
	proxies, err := e.Containers(ctx, LabelVolume+"="+volume, LabelRole+"="+string(RoleProxy))
	if err != nil {
		return err
	}
	for _, listed := range proxies {
		c, err := e.FindContainer(ctx, listed.ID) // a list does not tell the PID namespace
		if engine.IsNotFound(err) || err == nil && c.PidOf == anchor {
			continue
		}
		if err != nil {
			return err
		}
		if err := e.RemoveContainer(ctx, c.ID); err != nil {
			return err
		}
	}
	return nil
}
