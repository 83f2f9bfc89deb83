package proxy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// base is what there is once a volume can be used: everything but the proxy
// container, and that container's id once it is known.
type base struct {
	engine Engine
	info   engine.Info
	image  image.Image
	volume volume.Volume
	place  container.Place
	anchor engine.Container
	stamp  agentapi.Stamp
	proxy  string
}

// handle returns a handle on the base's volume.
func (b *base) handle() volume.Handle {
	return volume.Handle{Volume: b.volume, Engine: b.engine, Place: b.place, Anchor: b.anchor}
}

// ensureBase makes sure of the engine, the image, the volume, its anchor and the
// image's stamp, in this order.
func (p *Proxy) ensureBase(ctx context.Context, s *spec, b *base) (err error) {
	if b.engine, b.info, err = p.greet(ctx, s.endpoint); err != nil {
		return err
	}
	p.Terminal.Debug("engine %s (%s), version %s, API %s", s.endpoint.Address, s.endpoint.Origin, b.info.Version, b.info.APIVersion)
	if b.place.Agent, err = p.Agents.For(b.info.Arch); err != nil {
		return err
	}
	if b.image, err = s.source.Find(ctx, b.engine, s.nix, p.Terminal); err != nil {
		return err
	}
	p.Terminal.Debug("image %s, identity %s", b.image.Reference, b.image.Identity)
	b.warnEmulated(p.Terminal)
	b.volume = s.volumeFor(b.image)
	if err := b.volume.Ensure(ctx, b.engine); err != nil {
		return err
	}
	b.place.Volume, b.place.Image, b.place.Platform = b.volume.Name, b.image.Image, s.source.Platform
	if b.anchor, err = container.Anchor(ctx, b.engine, b.place); err != nil {
		return err
	}
	p.Terminal.Debug("volume %s, anchor %.12s", b.volume.Name, b.anchor.ID)
	return p.ensureStamp(ctx, b)
}

// volumeFor returns the volume for an image. Its platform is the image's own.
func (s *spec) volumeFor(i image.Image) volume.Volume {
	return volume.Volume{Name: s.volumeName(i.OS, i.Arch), Flavour: string(s.nix.Flavour), Platform: i.OS + "/" + i.Arch}
}

// warnEmulated warns of an image that runs under emulation as a whole, where only
// the programs of a platform need to.
func (b *base) warnEmulated(t *terminal.Terminal) {
	if b.image.Arch == b.info.Arch {
		return
	}
	t.Warn("image %s is for %s and the engine for %s: all of it runs under emulation, slowly; without --platform, "+
		"`nix build --system %s` builds in the engine's own image, and emulates no more than it must",
		b.image.Reference, b.image.Arch, b.info.Arch, agentapi.System(b.image.Arch))
}

// volumeName returns the volume that was named, else the default one of a platform.
func (s *spec) volumeName(os, arch string) string {
	if s.volume != "" {
		return s.volume
	}
	return volume.Name(string(s.nix.Flavour), os, arch)
}

// ensureStamp makes sure that the image's store is in the volume, and that the
// image holds the Nix that its tag promises.
func (p *Proxy) ensureStamp(ctx context.Context, b *base) error {
	begin := func() volume.Progress { return p.CopyProgress(b.image.Reference, b.volume.Name) }
	var err error
	b.stamp, err = b.handle().Sync(ctx, b.image.Identity, b.image.Reference, begin)
	if is[*volume.UnusableError](err) {
		p.removeIdleAnchor(ctx, b)
	}
	if err != nil || b.image.Version == "" {
		return err
	}
	has, err := version.Parse(b.stamp.Version)
	if err != nil {
		return fmt.Errorf("image %s: %w", b.image.Reference, err)
	}
	if !slices.Contains(version.Spellings(b.image.Version), has.Version) {
		return hint.Add(fmt.Errorf("image %s holds Nix %s, not %s", b.image.Reference, has.Version, b.image.Version),
			"pull it anew with --pull always, or choose another --image")
	}
	return nil
}

// CopyProgress shows how far an image's store is copied into a volume.
func (p *Proxy) CopyProgress(reference, volume string) *terminal.Progress {
	return p.Terminal.Start(fmt.Sprintf("copying %s into volume %s", reference, volume)).Items("paths")
}

// removeIdleAnchor removes the anchor of a volume that is refused, unless other
// containers need it.
func (p *Proxy) removeIdleAnchor(ctx context.Context, b *base) {
	others, err := container.List(ctx, b.engine, b.volume.Name)
	if err == nil && len(others) == 1 {
		err = b.engine.RemoveContainer(ctx, b.anchor.ID)
	}
	if err != nil {
		p.Terminal.Debug("removing the anchor of a volume that is refused: %v", err)
	}
}

// ensureProxy makes sure of the proxy container and of this user's place in it.
func (p *Proxy) ensureProxy(ctx context.Context, s *spec, b *base) (remembered, error) {
	proxy := container.Proxy{
		Place: b.place, Identity: b.image.Identity, Nix: b.image.Version, Project: s.project.Root,
		Mounts: binds(s.project.Mounts), Safe: s.project.Safe, Limits: s.limits, Publish: s.endpoint.Local(),
	}
	c, fresh, err := p.ensureMounted(ctx, b, proxy, s.project.Mounts)
	b.proxy = c.ID
	if err != nil {
		return remembered{}, explainLimits(s.limits, err)
	}
	p.Terminal.Debug("proxy container %s", c.Name)
	known := remembered{Container: c.ID, Specification: proxy.Specification(), APIVersion: b.info.APIVersion, Address: c.Address}
	if known.HostKey, err = p.enroll(ctx, b.engine, c.ID); err != nil {
		return known, fmt.Errorf("setting up container %s: %w", c.Name, err)
	}
	if fresh {
		err = p.checkNix(ctx, s, b, known)
	}
	return known, err
}

// enroll gives the agent this user's key, and returns the agent's own.
func (p *Proxy) enroll(ctx context.Context, e Engine, id string) (string, error) {
	key, err := p.State.ClientKey()
	if err != nil {
		return "", err
	}
	answer, err := e.Output(ctx, id, string(ssh.MarshalAuthorizedKey(key.PublicKey())), agentapi.Binary, agentapi.ModeEnroll)
	return strings.TrimSpace(string(answer)), err
}

// checkNix runs the Nix of a new proxy container once: it must be the very one
// that the image was seen to hold.
func (p *Proxy) checkNix(ctx context.Context, s *spec, b *base, known remembered) error {
	running, err := p.dial(ctx, s, known, session.Request{Argv: []string{"nix", "--version"}, Idle: p.idle()})
	if err != nil {
		return fmt.Errorf("checking the new proxy container: %w", err)
	}
	defer running.Close()
	var stdout bytes.Buffer
	var stderr nixstore.Tail
	if _, err := running.Wait(session.Streams{Out: &stdout, Err: &stderr}); err != nil {
		return fmt.Errorf("checking the new proxy container: %w", err)
	}
	line, _, _ := strings.Cut(stdout.String(), "\n")
	if line == b.stamp.Version {
		return nil
	}
	if line == "" {
		line = strings.TrimSpace(stderr.String())
	}
	return hint.Add(fmt.Errorf("the proxy container's nix says %q where %q was promised by image %s", line, b.stamp.Version, b.image.Reference),
		"`nixproxy rm` and a new run make another container")
}
