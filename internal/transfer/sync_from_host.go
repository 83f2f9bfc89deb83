package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/hoststore"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// SyncFromHost copies the closures of store paths, or of links to them, from the
// host's store into the volume, as far as the volume lacks them. With root no
// collector takes them from there.
func SyncFromHost(ctx context.Context, p *proxy.Proxy, names []string, root bool) error {
	s, err := openSource(ctx, p, names)
	if err != nil {
		return err
	}
	defer s.Close()
	if !root {
		s.request.Roots = nil
	}
	v, _, err := p.SyncVolume(ctx)
	if err != nil {
		return err
	}
	return s.copyInto(ctx, v)
}

// SyncFromHostDryRun tells what SyncFromHost would copy, dependencies first. Where
// there is no volume yet, that is all.
func SyncFromHostDryRun(ctx context.Context, p *proxy.Proxy, names []string) ([]nixstore.Info, error) {
	s, err := openSource(ctx, p, names)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	missing, err := s.missing(ctx)
	if err != nil {
		return nil, err
	}
	return s.infos(missing)
}

// A source is the host's store, with what a volume is to get from it.
type source struct {
	*proxy.Proxy
	store    *nixstore.Server
	request  agentapi.Request
	volume   string             // the name of the one that is copied into
	progress *terminal.Progress // from when it is known what is to be copied
}

// openSource opens the host's store and finds the closures of the names in it.
func openSource(ctx context.Context, p *proxy.Proxy, names []string) (*source, error) {
	places, err := follow(p.Host.Dir, names)
	if err != nil {
		return nil, err
	}
	nix, found := version.Local(p.Host.Home, p.Host.Self, nil).Present()
	if !found {
		return nil, hint.Add(errors.New("this host has no Nix, and so no store to copy from"), "install Nix, or build in the volume with `nixproxy run`")
	}
	s := &source{Proxy: p}
	if s.store, err = hoststore.Open(ctx, nix.Binary); err != nil {
		return nil, err
	}
	s.request.Roots = pathsOf(places)
	s.request.Closure, err = closure(s.store, "the host's store", s.request.Roots, func(path nixstore.Path) error {
		return hint.Add(fmt.Errorf("%s is not in this host's store", path), "get it with `nix-store --realise %s`; if it was built in the volume, it is there already", path)
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close lets go of the host's store.
func (s *source) Close() { s.store.Close() }

// missing returns those of the paths that the volume has not.
func (s *source) missing(ctx context.Context) ([]nixstore.Path, error) {
	v, err := s.OpenVolume(ctx)
	if _, none := errors.AsType[*volume.MissingError](err); none {
		return s.request.Closure, nil
	}
	if err != nil {
		return nil, err
	}
	return v.Missing(ctx, s.request.Closure)
}

// infos tells of paths that are to be copied, unless a volume has no use for them.
func (s *source) infos(paths []nixstore.Path) ([]nixstore.Info, error) {
	infos, err := s.store.Infos(paths)
	if err != nil {
		return nil, fmt.Errorf("asking the host's store: %w", err)
	}
	if s.Host.System == "darwin" {
		err = hoststore.ForLinux("/", infos)
	}
	return infos, err
}

// copyInto copies into a volume what it lacks.
func (s *source) copyInto(ctx context.Context, v volume.Handle) error {
	s.volume = v.Name
	err := v.Receive(ctx, s.request, s.send, noteWaiting(s.Terminal, v))
	if s.progress != nil {
		s.progress.End(err)
	}
	if err == nil {
		return nil
	}
	if changed, ok := errors.AsType[*nixstore.ChangedError](err); ok {
		return hint.Add(fmt.Errorf("%w, in this host's store, and was not copied", err), "`nix-store --repair-path %s` repairs it", changed.Path)
	}
	return fmt.Errorf("copying into volume %s: %w", v.Name, err)
}

// noteWaiting returns what says, when it is called, why nothing happens.
func noteWaiting(t *terminal.Terminal, v volume.Handle) func() {
	return func() { t.Note("waiting for another nixproxy that copies into volume %s", v.Name) }
}

// send writes the paths that the volume lacks.
func (s *source) send(to io.Writer, paths []nixstore.Path) error {
	if len(paths) == 0 {
		return nil
	}
	infos, err := s.infos(paths)
	if err != nil {
		return err
	}
	s.progress = s.Terminal.Start(fmt.Sprintf("copying %s into volume %s", terminal.Count(len(infos), "store path"), s.volume)).Bytes()
	meter := &terminal.Meter{Set: s.progress.Set, Total: nixstore.Size(infos)}
	out := bufio.NewWriterSize(to, 64<<10)
	for _, i := range infos {
		if err := json.NewEncoder(out).Encode(i); err != nil {
			return err
		}
		if err := s.store.Dump(i, io.MultiWriter(out, meter)); err != nil {
			return err
		}
	}
	return out.Flush()
}
