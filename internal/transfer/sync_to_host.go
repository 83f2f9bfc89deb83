package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/hoststore"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// SyncToHost copies the closures of store paths of the volume, or of links to them,
// into the host's store, as far as it lacks them. What is trusted there is for
// the host's own Nix to say. With root the links become roots of that store, as
// if it had made them.
func SyncToHost(ctx context.Context, p *proxy.Proxy, names []string, root bool) error {
	d, err := openDestination(ctx, p, names)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.copy(); err != nil || !root {
		return err
	}
	return d.addRoots(ctx)
}

// SyncToHostDryRun tells what SyncToHost would copy, dependencies first.
func SyncToHostDryRun(ctx context.Context, p *proxy.Proxy, names []string) ([]nixstore.Info, error) {
	d, err := openDestination(ctx, p, names)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.missing, nil
}

// A destination is the host's store, with what it is to get from the volume. Both
// stores hold that against their collectors until it is closed.
type destination struct {
	*proxy.Proxy
	nix          version.Nix
	places       []nixstore.Place
	inside, host *nixstore.Server
	missing      []nixstore.Info
}

// openDestination opens both stores, and finds what is to be copied.
func openDestination(ctx context.Context, p *proxy.Proxy, names []string) (*destination, error) {
	places, err := follow(p.Host.Dir, names)
	if err != nil {
		return nil, err
	}
	nix, found := version.Local(p.Host.Home, p.Host.Self, nil).Present()
	if !found {
		return nil, hint.Add(errors.New("this host has no Nix, and so no store to copy to"), "`nixproxy cp PATH DEST` copies plain files")
	}
	d := &destination{Proxy: p, nix: nix, places: places}
	if err = d.openStores(ctx); err == nil {
		err = d.compare()
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *destination) openStores(ctx context.Context) (err error) {
	if d.host, err = hoststore.Open(ctx, d.nix.Binary); err != nil {
		return err
	}
	d.inside, err = serveStore(ctx, d.Proxy)
	return err
}

// Close lets go of both stores.
func (d *destination) Close() {
	for _, s := range []*nixstore.Server{d.inside, d.host} {
		if s != nil {
			s.Close()
		}
	}
}

// compare finds what the host lacks.
func (d *destination) compare() error {
	all, err := closure(d.inside, "the volume's store", pathsOf(d.places), func(path nixstore.Path) error {
		return hint.Add(fmt.Errorf("%s is not in the volume", path), "build it there with `nixproxy run`")
	})
	if err != nil {
		return err
	}
	missing, err := d.host.Missing(all)
	if err != nil {
		return fmt.Errorf("asking the host's store: %w", err)
	}
	if d.missing, err = d.inside.Infos(missing); err != nil {
		return fmt.Errorf("asking the volume's store: %w", err)
	}
	return nil
}

func (d *destination) copy() (err error) {
	if len(d.missing) == 0 {
		return nil
	}
	progress := d.Terminal.Start(fmt.Sprintf("copying %s into this host's store", terminal.Count(len(d.missing), "store path"))).Bytes()
	defer func() { progress.End(err) }()
	meter := &terminal.Meter{Set: progress.Set, Total: nixstore.Size(d.missing)}
	for _, i := range d.missing {
		if err := d.copyOne(i, meter); err != nil {
			return d.explain(i.Path, err)
		}
	}
	return nil
}

func (d *destination) copyOne(i nixstore.Info, meter *terminal.Meter) error {
	archive, to := io.Pipe()
	dumped := make(chan error, 1)
	go func() {
		err := d.inside.Dump(i, io.MultiWriter(to, meter))
		to.CloseWithError(err)
		dumped <- err
	}()
	added := d.host.Add(i, archive)
	archive.CloseWithError(errNoMore)
	if err := <-dumped; err != nil && !errors.Is(err, errNoMore) {
		return err
	}
	return added
}

var errNoMore = errors.New("the host's store takes no more")

// explain says what can be done about a refusal.
func (d *destination) explain(path nixstore.Path, err error) error {
	var changed *nixstore.ChangedError
	switch {
	case errors.As(err, &changed):
		return hint.Add(fmt.Errorf("%w, in the volume, and was not copied", err), "`nixproxy volume verify` tells what can be repaired")
	case strings.Contains(err.Error(), "because it lacks a "): // "valid signature" (2.8), "signature by a trusted key" (2.26)
		return hint.Add(fmt.Errorf("this host's Nix does not trust %s, as no key that it trusts has signed it, and you are not among its trusted-users", path),
			"add yourself to them in its nix.conf and restart its daemon; or sign the path in the volume (`nix store sign --recursive`), "+
				"and add the key to trusted-public-keys there")
	}
	return fmt.Errorf("copying %s into this host's store: %w", path, err)
}

// addRoots has the host's Nix make roots of the links that lead to the store paths.
func (d *destination) addRoots(ctx context.Context) error {
	for _, place := range d.places {
		if place.Link == "" {
			continue
		}
		tool, err := hoststore.Tool(d.nix.Binary, "nix-store")
		if err != nil {
			return err
		}
		output, err := exec.CommandContext(ctx, tool, "--realise", string(place.Path), "--add-root", place.Link, "--indirect").CombinedOutput()
		if err != nil {
			return hint.Add(fmt.Errorf("all is copied, but %s could not be made a root: %s", place.Link, strings.TrimSpace(string(output))), "--no-root leaves that out")
		}
	}
	return nil
}
