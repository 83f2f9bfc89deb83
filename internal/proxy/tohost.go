package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hoststore"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// ToHost copies the closures of store paths of the volume, or of links to them,
// into the host's store, as far as it lacks them. What is trusted there is for
// the host's own Nix to say. With root the links become roots of that store, as
// if it had made them.
func (p *Proxy) ToHost(ctx context.Context, names []string, root bool) error {
	h, err := p.homeward(ctx, names)
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.copy(); err != nil || !root {
		return err
	}
	return h.root(ctx)
}

// WouldGoToHost tells what ToHost would copy, dependencies first.
func (p *Proxy) WouldGoToHost(ctx context.Context, names []string) ([]nixstore.Info, error) {
	h, err := p.homeward(ctx, names)
	if err != nil {
		return nil, err
	}
	defer h.close()
	return h.missing, nil
}

// A homeward is what is on its way from the volume into the host's store. Both
// hold it against their collectors until it is closed.
type homeward struct {
	*Proxy
	nix          version.Nix
	places       []nixstore.Place
	inside, host *nixstore.Server
	missing      []nixstore.Info
}

func (p *Proxy) homeward(ctx context.Context, names []string) (*homeward, error) {
	places, err := p.follow(names)
	if err != nil {
		return nil, err
	}
	nix, found := version.Local(p.Host.Home, p.Host.Self, nil).Present()
	if !found {
		return nil, errors.New("this host has no Nix, and so no store to copy to: `nixproxy cp PATH DEST` copies plain files")
	}
	h := &homeward{Proxy: p, nix: nix, places: places}
	if err = h.open(ctx); err == nil {
		err = h.compare()
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *homeward) open(ctx context.Context) (err error) {
	if h.host, err = hoststore.Open(ctx, h.nix.Binary); err != nil {
		return err
	}
	h.inside, err = h.serveStore(ctx)
	return err
}

func (h *homeward) close() {
	for _, s := range []*nixstore.Server{h.inside, h.host} {
		if s != nil {
			s.Close()
		}
	}
}

// compare finds what the host lacks.
func (h *homeward) compare() error {
	all, err := closure(h.inside, "the volume's store", pathsOf(h.places), func(path nixstore.Path) error {
		return fmt.Errorf("%s is not in the volume: build it there with `nixproxy run`", path)
	})
	if err != nil {
		return err
	}
	missing, err := h.host.Missing(all)
	if err != nil {
		return fmt.Errorf("asking the host's store: %w", err)
	}
	if h.missing, err = h.inside.Infos(missing); err != nil {
		return fmt.Errorf("asking the volume's store: %w", err)
	}
	return nil
}

func (h *homeward) copy() (err error) {
	if len(h.missing) == 0 {
		return nil
	}
	progress := h.Terminal.Start(fmt.Sprintf("copying %s into this host's store", terminal.Count(len(h.missing), "store path"))).Bytes()
	defer func() { progress.End(err) }()
	meter := &terminal.Meter{Set: progress.Set, Total: nixstore.Size(h.missing)}
	for _, i := range h.missing {
		if err := h.copyOne(i, meter); err != nil {
			return h.explain(i.Path, err)
		}
	}
	return nil
}

func (h *homeward) copyOne(i nixstore.Info, meter *terminal.Meter) error {
	archive, to := io.Pipe()
	dumped := make(chan error, 1)
	go func() {
		err := h.inside.Dump(i, io.MultiWriter(to, meter))
		to.CloseWithError(err)
		dumped <- err
	}()
	added := h.host.Add(i, archive)
	archive.CloseWithError(errNoMore)
	if err := <-dumped; err != nil && !errors.Is(err, errNoMore) {
		return err
	}
	return added
}

var errNoMore = errors.New("the host's store takes no more")

// explain says what can be done about a refusal.
func (h *homeward) explain(path nixstore.Path, err error) error {
	var changed *nixstore.ChangedError
	switch {
	case errors.As(err, &changed):
		return fmt.Errorf("%w, in the volume, and was not copied: `nixproxy volume verify` tells what can be mended", err)
	case strings.Contains(err.Error(), "because it lacks a "): // "valid signature" (2.8), "signature by a trusted key" (2.26)
		return fmt.Errorf("this host's Nix does not trust %s, as no key that it trusts has signed it, and you are not among its trusted-users: "+
			"add yourself to them in its nix.conf and restart its daemon; or sign the path in the volume (`nix store sign --recursive`), "+
			"and add the key to trusted-public-keys there", path)
	}
	return fmt.Errorf("copying %s into this host's store: %w", path, err)
}

// root has the host's Nix make roots of the links that lead to the store paths.
func (h *homeward) root(ctx context.Context) error {
	for _, place := range h.places {
		if place.Link == "" {
			continue
		}
		tool, err := hoststore.Tool(h.nix.Binary, "nix-store")
		if err != nil {
			return err
		}
		output, err := exec.CommandContext(ctx, tool, "--realise", string(place.Path), "--add-root", place.Link, "--indirect").CombinedOutput()
		if err != nil {
			return fmt.Errorf("all is copied, but %s could not be made a root (--no-root leaves that out): %s", place.Link, strings.TrimSpace(string(output)))
		}
	}
	return nil
}
