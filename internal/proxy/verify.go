package proxy

import (
	"context"
	"fmt"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// VerifyVolume reads all of the volume that a command would use, and tells what
// is broken. With repair it mends what the engine's images allow.
func (p *Proxy) VerifyVolume(ctx context.Context, repair bool) (found agentapi.Verification, err error) {
	err = p.onVolume(ctx, func(o opened) (err error) {
		progress := p.Terminal.Start("reading all of volume " + o.Name)
		found, err = o.Verify(ctx, repair, progress)
		progress.End(err)
		if err != nil || !repair {
			return err
		}
		return p.repair(ctx, o, &found)
	})
	return found, err
}

// repair tries all images that are on the engine: what makes one good is that it
// has a path with the right hash, not that it was ever synced. The stamps are those
// of before: damaged ones are removed now.
func (p *Proxy) repair(ctx context.Context, o opened, found *agentapi.Verification) error {
	var refs []string
	for _, s := range o.stamps {
		refs = append(refs, s.Reference)
	}
	source := p.Source()
	source.Platform = o.Platform
	images, err := source.Installed(ctx, o.on, refs...)
	if err != nil {
		return err
	}
	slices.SortStableFunc(images, func(a, b image.Image) int { return needing(*found, b) - needing(*found, a) })
	for _, i := range images {
		if err := p.repairFrom(ctx, o.Open, i, found); err != nil {
			return err
		}
	}
	for n := range found.Broken {
		if b := &found.Broken[n]; !b.Repaired {
			b.Hint = remedy(*b, o.stamps, images)
		}
	}
	return nil
}

// needing counts the broken paths that an image is known to need, so that those
// are asked first that will have them.
func needing(found agentapi.Verification, i image.Image) (n int) {
	for _, b := range found.Broken {
		if slices.Contains(b.Images, i.Identity) {
			n++
		}
	}
	return n
}

// repairFrom copies from an image what is broken, or all where its stamp was no
// longer good.
func (p *Proxy) repairFrom(ctx context.Context, o volume.Open, i image.Image, found *agentapi.Verification) error {
	if slices.ContainsFunc(found.Broken, func(b agentapi.BrokenPath) bool { return !b.Repaired }) {
		progress := p.Terminal.Start("looking for broken paths in " + i.Reference)
		err := o.Mend(ctx, i, found.Broken, progress)
		progress.End(err)
		if err != nil {
			return err
		}
	}
	if slices.ContainsFunc(found.Faults, func(f agentapi.Fault) bool { return f.Image == i.Identity }) {
		o.Place.Image = i.Image
		_, err := o.Sync(ctx, i.Identity, i.Reference, func() volume.Progress { return p.copying(i.Reference, o.Name) })
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
