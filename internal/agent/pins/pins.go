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

// Pins keep what the links of mounted projects hold.
//
// Nix roots ./result by a link in gcroots/auto to /project/result. Seen from a
// container that does not mount the project that link dangles, so any collector
// there drops it, and then the store path. So the agent of a container that does
// mount it makes a pin, a root that leads straight to the store path:
//
//	/nix/var/nix/gcroots/nixproxy/projects/<host>/<name> -> /nix/store/…
//	/nix/var/nixproxy/pins/<host>/<name>                 -> /project/result
//
// The second, the pin's record, is no root to any Nix. The name is a hash of the
// link's path and of its origin, as the same path may be another directory in
// another container; it tells, too, if the path is not the host's.
//
// A pin follows its link, and is dropped only by the host that made it (by whose
// key the client came), and only when the link is gone from a directory that is
// there and of the same origin. What is not permitted, not mounted or moved away
// stays.
//
// A Pinner looks after those of the projects that one container mounts.
type Pinner struct {
	volume layout.Volume
	mounts func() mountTable
	points []string // of the first table, to tell other projects' links by their names
	moved  []string // those that are not where they are on the host

	mu       sync.Mutex
	auto     listing
	records  map[string]*listing // by host
	sessions []string            // the hosts of those under way
	host     string              // whose session began last
	watch    *linkWatch          // nil: links are looked at when a session begins and ends
}

// New is the pinner of the container that this process is in. Moved are the mounts
// that are not where they are on the host.
func New(v layout.Volume, moved []string) *Pinner {
	return newPinner(v, func() mountTable { return readMounts(v) }, moved)
}

func newPinner(v layout.Volume, mounts func() mountTable, moved []string) *Pinner {
	return &Pinner{volume: v, mounts: mounts, points: mounts().points(), moved: moved, records: map[string]*listing{}}
}

// Begin is before a session's command starts: a collector must not find pins
// whose links are gone.
func (p *Pinner) Begin(host string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.host = host
	p.sessions = append(p.sessions, host)
	return p.look(host)
}

// End is after a session's command has ended, and before its client hears of it.
func (p *Pinner) End(host string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.sessions, host); i >= 0 {
		p.sessions = slices.Delete(p.sessions, i, i+1)
	}
	return p.look(host)
}

// look pins what the links under this container's mounts hold, and drops the
// host's pins of those that are gone. With nothing new it costs little more than
// a look at each link.
func (p *Pinner) look(host string) error {
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
	return p.judge(host, links, true)
}

func (p *Pinner) mayBeHere(link string) bool {
	return slices.ContainsFunc(p.points, func(point string) bool { return layout.IsBelow(link, point) })
}

func (p *Pinner) judge(host string, links map[string]bool, mayDrop bool) error {
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
		all = append(all, p.judgeOne(host, link, mounts, mayDrop))
	}
	return errors.Join(all...)
}

func (p *Pinner) judgeOne(host, link string, mounts mountTable, mayDrop bool) error {
	dir, err := filepath.EvalSymlinks(filepath.Dir(link))
	if err != nil {
		return nil // it may be away
	}
	origin, here := mounts.origin(dir)
	if !here {
		return nil
	}
	moved := slices.ContainsFunc(p.moved, func(point string) bool { return layout.IsBelow(link, point) })
	pin := Pin{Host: host, Name: pinName(link, origin, moved), Link: link}
	switch target, is := seeLink(dir, filepath.Base(link)); {
	case is == linkHolds:
		if p.watch != nil {
			p.watch.add(dir, link)
		}
		return pin.hold(p.volume, target)
	case is == linkGone && mayDrop:
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

// seeLink looks at a link in a directory that cannot go away meanwhile.
func seeLink(dir, name string) (storePath string, is linkState) {
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

// Lock orders the agents that look for one host: what one has just pinned
// again another must not drop.
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
