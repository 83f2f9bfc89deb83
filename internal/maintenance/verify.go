package maintenance

import (
	"context"
	"fmt"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Verify reads all of the volume that a command would use, and tells what is
// broken. With repair it repairs what the engine's images allow.
func Verify(ctx context.Context, p *proxy.Proxy, repair bool) (agentapi.Verification, error) {
	v, err := p.OpenVolume(ctx)
	if err != nil {
		return agentapi.Verification{}, err
	}
	progress := p.Terminal.Start("reading all of volume " + v.Name)
	found, err := v.Verify(ctx, repair, progress)
	progress.End(err)
	if err == nil && repair {
		err = repairAll(ctx, p, v, &found)
	}
	return found, err
}

// repairAll tries all images that are on the engine: an image that was never synced
// is as good, if it has a path with the right hash. The volume's stamps were read
// before the damaged ones were removed.
func repairAll(ctx context.Context, p *proxy.Proxy, v proxy.Volume, found *agentapi.Verification) error {
	var refs []string
	for _, s := range v.Stamps {
		refs = append(refs, s.Reference)
	}
	source := p.Source()
	source.Platform = v.Platform
	images, err := source.Installed(ctx, v.Engine, refs...)
	if err != nil {
		return err
	}
	slices.SortStableFunc(images, func(a, b image.Image) int { return needing(*found, b) - needing(*found, a) })
	for _, i := range images {
		if err := repairFrom(ctx, p, v.Handle, i, found); err != nil {
			return err
		}
	}
	for n := range found.Broken {
		if b := &found.Broken[n]; !b.Repaired {
			b.Hint = remedy(*b, v.Stamps, images)
		}
	}
	return nil
}

// needing counts the broken paths that an image is known to need. Images that have
// them for certain are tried first.
func needing(found agentapi.Verification, i image.Image) (n int) {
	for _, b := range found.Broken {
		if slices.Contains(b.Images, i.Identity) {
			n++
		}
	}
	return n
}

// repairFrom copies what is broken from an image, and the whole store of an image
// whose stamp was damaged.
func repairFrom(ctx context.Context, p *proxy.Proxy, v volume.Handle, i image.Image, found *agentapi.Verification) error {
	if slices.ContainsFunc(found.Broken, func(b agentapi.BrokenPath) bool { return !b.Repaired }) {
		progress := p.Terminal.Start("looking for broken paths in " + i.Reference)
		err := v.Repair(ctx, i, found.Broken, progress)
		progress.End(err)
		if err != nil {
			return err
		}
	}
	if slices.ContainsFunc(found.Faults, func(f agentapi.Fault) bool { return f.Image == i.Identity }) {
		v.Place.Image = i.Image
		_, err := v.Sync(ctx, i.Identity, i.Reference, func() volume.Progress { return p.CopyProgress(i.Reference, v.Name) })
		return err
	}
	return nil
}

// remedy is what can be done about a path that no image on the engine has.
func remedy(b agentapi.BrokenPath, stamps []agentapi.Stamp, images []image.Image) string {
	for _, s := range stamps {
		here := slices.ContainsFunc(images, func(i image.Image) bool { return i.Identity == s.Identity })
		if slices.Contains(b.Images, s.Identity) && !here {
			return fmt.Sprintf("image %s has it: get that with `nixproxy --image %[1]s image pull`, and repair again", s.Reference)
		}
	}
	return fmt.Sprintf("no image has it: `nixproxy run -- nix-store --repair-path %s` fetches or builds it anew, or "+
		"`nixproxy run -- nix-store --delete --ignore-liveness %[1]s` forgets it", b.Path)
}
