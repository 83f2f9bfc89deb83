package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hoststore"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// Bring copies the closures of store paths, or of links to them, from the host's
// store into the volume, as far as it lacks them. With root no collector takes
// them from there.
func (p *Proxy) Bring(ctx context.Context, names []string, root bool) error {
	host, want, err := p.wanted(ctx, names)
	if err != nil {
		return err
	}
	defer host.Close()
	if !root {
		want.Roots = nil
	}
	return p.onStore(ctx, func(o volume.Open, _ agentapi.Stamp) error {
		b := bringing{Proxy: p, host: host, volume: o.Name}
		return b.bring(ctx, o, want)
	})
}

// WouldBring tells what Bring would copy, dependencies first. Where there is no
// volume yet, that is all.
func (p *Proxy) WouldBring(ctx context.Context, names []string) (infos []nixstore.Info, err error) {
	host, want, err := p.wanted(ctx, names)
	if err != nil {
		return nil, err
	}
	defer host.Close()
	err = p.onVolume(ctx, func(o opened) error {
		missing, err := o.Lacks(ctx, want.Closure)
		if err == nil {
			infos, err = p.infos(host, missing)
		}
		return err
	})
	if is[*volume.MissingError](err) {
		return p.infos(host, want.Closure)
	}
	return infos, err
}

// wanted opens the host's store, and finds in it what is asked for.
func (p *Proxy) wanted(ctx context.Context, names []string) (host *nixstore.Server, want agentapi.Wanted, err error) {
	places, err := p.follow(names)
	if err != nil {
		return nil, want, err
	}
	nix, found := version.Local(p.Host.Home, p.Host.Self, nil).Present()
	if !found {
		return nil, want, errors.New("this host has no Nix, and so no store to copy from: install Nix, or build in the volume with `nixproxy run`")
	}
	if host, err = hoststore.Open(ctx, nix.Binary); err != nil {
		return nil, want, err
	}
	want.Roots = pathsOf(places)
	want.Closure, err = closure(host, "the host's store", want.Roots, func(path nixstore.Path) error {
		return fmt.Errorf("%s is not in this host's store: get it with `nix-store --realise %[1]s`; if it was built in the volume, it is there already", path)
	})
	if err != nil {
		host.Close()
		return nil, want, err
	}
	return host, want, nil
}

// infos tells of paths that are to be copied, unless a volume has no use for them.
func (p *Proxy) infos(host *nixstore.Server, paths []nixstore.Path) ([]nixstore.Info, error) {
	infos, err := host.Infos(paths)
	if err != nil {
		return nil, fmt.Errorf("asking the host's store: %w", err)
	}
	if p.Host.System == "darwin" {
		err = hoststore.ForLinux("/", infos)
	}
	return infos, err
}

// bringing is one Bring on its way into a volume.
type bringing struct {
	*Proxy
	host     *nixstore.Server
	volume   string
	progress *terminal.Progress // from when it is known what is to be copied
}

func (b *bringing) bring(ctx context.Context, o volume.Open, want agentapi.Wanted) error {
	err := o.Receive(ctx, want, b.send, b.waiting(o))
	if b.progress != nil {
		b.progress.End(err)
	}
	if err == nil {
		return nil
	}
	var changed *nixstore.ChangedError
	if errors.As(err, &changed) {
		return fmt.Errorf("%w, in this host's store, and was not copied: `nix-store --repair-path %s` mends it", err, changed.Path)
	}
	return fmt.Errorf("copying into volume %s: %w", b.volume, err)
}

// waiting says, when it is called, why nothing happens.
func (p *Proxy) waiting(o volume.Open) func() {
	return func() { p.Terminal.Note("waiting for another nixproxy that copies into volume %s", o.Name) }
}

// send writes the paths that the volume asked for.
func (b *bringing) send(to io.Writer, paths []nixstore.Path) error {
	if len(paths) == 0 {
		return nil
	}
	infos, err := b.infos(b.host, paths)
	if err != nil {
		return err
	}
	b.progress = b.Terminal.Start(fmt.Sprintf("copying %s into volume %s", terminal.Count(len(infos), "store path"), b.volume)).Bytes()
	meter := &terminal.Meter{Set: b.progress.Set, Total: nixstore.Size(infos)}
	out := bufio.NewWriterSize(to, 64<<10)
	for _, i := range infos {
		if err := json.NewEncoder(out).Encode(i); err != nil {
			return err
		}
		if err := b.host.Dump(i, io.MultiWriter(out, meter)); err != nil {
			return err
		}
	}
	return out.Flush()
}
