package pins

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A Pinner looks after the pins of the projects that one container mounts.
//
// Nix roots ./result by a link in gcroots/auto to /project/result. In a container that
// does not mount the project that link dangles, so a collector there drops it, and then
// the store path. So the agent of a container that mounts the project makes a pin, a root
// that leads directly to the store path:
//
//	/nix/var/nix/gcroots/nixproxy/projects/<host>/<name> -> /nix/store/…
//	/nix/var/nixproxy/pins/<host>/<name>                 -> /project/result
//
// The second, the pin's record, is no root to any Nix. The name is a hash of the link's
// path and of its origin, as the same path may be another directory in another container.
// Its suffix tells whether the path is not the host's.
//
// A pin follows its link. Only the host that made it drops it (the host is known by its
// client's key), and only when the link is gone from a directory that is there and has
// the same origin. If the directory is not readable, not mounted or moved away, it stays.
type Pinner struct {
	volume layout.Volume
	mounts func() mountTable
	points []string // the mount points: other links are of other projects
	moved  []string // mount points of directories that have another path on the host

	mu       sync.Mutex
	auto     listing
	records  map[string]*listing // by host
	sessions []string            // the hosts of the running sessions
	host     string              // the host of the session that began last
	watch    *linkWatch          // nil: links are read only when a session begins or ends
}

// New returns the pinner of the container that this process is in. Moved are the mount
// points of directories that have another path on the host.
func New(v layout.Volume, moved []string) *Pinner {
	return newPinner(v, func() mountTable { return readMounts(v) }, moved)
}

func newPinner(v layout.Volume, mounts func() mountTable, moved []string) *Pinner {
	return &Pinner{volume: v, mounts: mounts, points: mounts().points(), moved: moved, records: map[string]*listing{}}
}

// Begin updates the host's pins before a session's command starts: the command may be a
// collector, for which pins without links must be gone.
func (p *Pinner) Begin(host string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.host = host
	p.sessions = append(p.sessions, host)
	return p.update(host)
}

// End updates the host's pins after a session's command has ended, before its client is
// told of the end.
func (p *Pinner) End(host string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.sessions, host); i >= 0 {
		p.sessions = slices.Delete(p.sessions, i, i+1)
	}
	return p.update(host)
}

// update pins what the links under this container's mounts hold, and drops the host's pins
// whose links are gone. If nothing is new it does little more than read each link.
func (p *Pinner) update(host string) error {
	if p.records[host] == nil {
		p.records[host] = &listing{}
	}
	links := map[string]bool{}
	for _, known := range []map[string]string{
		p.auto.read(p.volume.State("gcroots/auto"), p.mayBeHere),
		p.records[host].read(records(p.volume, host), p.mayBeHere),
	} {
		for _, link := range known {
			links[link] = true
		}
	}
	return p.updateLinks(host, links, true)
}

// mayBeHere tells whether a link's path is below one of this container's mounts.
func (p *Pinner) mayBeHere(link string) bool {
	return slices.ContainsFunc(p.points, func(point string) bool { return layout.IsBelow(link, point) })
}

// updateLinks makes, moves or drops the pins of some links. It drops none unless mayDrop.
func (p *Pinner) updateLinks(host string, links map[string]bool, mayDrop bool) error {
	if len(links) == 0 {
		return nil
	}
	unlock, err := Lock(p.volume, host)
	if err != nil {
		return err
	}
	defer unlock()
	mounts := p.mounts()
	var all []error
	for link := range links {
		all = append(all, p.updateLink(host, link, mounts, mayDrop))
	}
	return errors.Join(all...)
}

// updateLink does what updateLinks does for one link.
func (p *Pinner) updateLink(host, link string, mounts mountTable, mayDrop bool) error {
	dir, err := filepath.EvalSymlinks(filepath.Dir(link))
	if err != nil {
		return nil // the directory may be moved away or unmounted
	}
	origin, here := mounts.origin(dir)
	if !here {
		return nil
	}
	moved := slices.ContainsFunc(p.moved, func(point string) bool { return layout.IsBelow(link, point) })
	pin := Pin{Host: host, Name: pinName(link, origin, moved), Link: link}
	switch target, state := readLink(dir, filepath.Base(link)); {
	case state == linkHolds:
		if p.watch != nil {
			p.watch.add(dir, link)
		}
		return pin.hold(p.volume, target)
	case state == linkGone && mayDrop:
		return pin.Drop(p.volume)
	}
	return nil
}

func pinName(link, origin string, moved bool) string {
	sum := sha256.Sum256([]byte(link + "\x00" + origin))
	name := hex.EncodeToString(sum[:16])
	if moved {
		name += elsewhere
	}
	return name
}

type linkState int

const (
	linkUnknown linkState = iota
	linkHolds             // a store path
	linkGone              // its directory is there without it, or with something else by that name
)

// readLink reads a link and tells its state. It opens the directory first, so that an
// unmount meanwhile does not look like a link that is gone.
func readLink(dir, name string) (storePath string, state linkState) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", linkUnknown
	}
	defer root.Close()
	target, err := root.Readlink(name)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EINVAL) {
		return "", linkGone
	}
	if err != nil {
		return "", linkUnknown
	}
	inside, ok := strings.CutPrefix(filepath.Clean(target), nixstore.Dir+"/")
	if !ok {
		return "", linkGone
	}
	base, _, _ := strings.Cut(inside, "/")
	return filepath.Join(nixstore.Dir, base), linkHolds
}

// Lock keeps other agents from updating a host's pins until unlock is called: none must
// drop a pin that another has just renewed.
func Lock(v layout.Volume, host string) (unlock func(), err error) {
	dir := records(v, host)
	unlock, err = filelock.AcquireDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		if err = errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(v.ProjectRoots(host), 0o755)); err == nil {
			unlock, err = filelock.AcquireDir(dir)
		}
	}
	return unlock, err
}
