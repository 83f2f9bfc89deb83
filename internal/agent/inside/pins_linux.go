package inside

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
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
// another container.
//
// A pin follows its link, and is dropped only by the host that made it (by whose
// key the client came), and only when the link is gone from a directory that is
// there and of the same origin. What is not permitted, not mounted or moved away
// stays.
type pins struct {
	volume Volume
	mounts func() mountTable
	points []string // of the first table, to tell other projects' links by their names

	mu       sync.Mutex
	auto     listing
	records  map[string]*listing // by host
	sessions []string            // the hosts of those under way
	host     string              // whose session began last
	watch    *linkWatch          // nil: links are looked at when a session begins and ends
}

func newPins(v Volume, mounts func() mountTable) *pins {
	return &pins{volume: v, mounts: mounts, points: mounts().points(), records: map[string]*listing{}}
}

// hostOf names the host that a connection comes from, by its client's key.
func hostOf(conn ssh.Conn) string {
	sum := sha256.Sum256([]byte(conn.(*ssh.ServerConn).Permissions.Extensions[clientKey]))
	return hex.EncodeToString(sum[:8])
}

// atPins begins or ends a session's part in pins. What fails then fails for a
// command that has nothing to do with it, so the container's log is told.
func atPins(what func(host string) error, host string) {
	if err := what(host); err != nil {
		fmt.Fprintln(os.Stderr, "pinning what was built:", err)
	}
}

func (v Volume) pin(host string, name ...string) string {
	return filepath.Join(append([]string{v.state("gcroots/nixproxy/projects"), host}, name...)...)
}

func (v Volume) pinRecord(host string, name ...string) string {
	return filepath.Join(append([]string{v.own("pins"), host}, name...)...)
}

// begin is before a session's command starts: a collector must not find pins
// whose links are gone.
func (p *pins) begin(host string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.host = host
	p.sessions = append(p.sessions, host)
	return p.look(host)
}

// end is after a session's command has ended, and before its client hears of it.
func (p *pins) end(host string) error {
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
func (p *pins) look(host string) error {
	if p.records[host] == nil {
		p.records[host] = &listing{}
	}
	links := map[string]bool{}
	for _, known := range []map[string]string{
		p.auto.read(p.volume.state("gcroots/auto"), p.mayBeHere),
		p.records[host].read(p.volume.pinRecord(host), p.mayBeHere),
	} {
		for _, link := range known {
			links[link] = true
		}
	}
	return p.judge(host, links, true)
}

func (p *pins) mayBeHere(link string) bool {
	return slices.ContainsFunc(p.points, func(point string) bool { return isBelow(link, point) })
}

func (p *pins) judge(host string, links map[string]bool, mayDrop bool) error {
	if len(links) == 0 {
		return nil
	}
	unlock, err := p.volume.lockPins(host)
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

func (p *pins) judgeOne(host, link string, mounts mountTable, mayDrop bool) error {
	dir, err := filepath.EvalSymlinks(filepath.Dir(link))
	if err != nil {
		return nil // it may be away
	}
	origin, here := mounts.origin(dir)
	if !here {
		return nil
	}
	name := pinName(link, origin)
	switch target, is := seeLink(dir, filepath.Base(link)); {
	case is == linkHolds:
		if p.watch != nil {
			p.watch.add(dir, link)
		}
		return p.volume.holdPin(host, name, link, target)
	case is == linkGone && mayDrop:
		return p.volume.dropPin(host, name)
	}
	return nil
}

func pinName(link, origin string) string {
	sum := sha256.Sum256([]byte(link + "\x00" + origin))
	return hex.EncodeToString(sum[:16])
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
	inside, ok := strings.CutPrefix(filepath.Clean(target), storeDir+"/")
	if !ok {
		return "", linkGone
	}
	base, _, _ := strings.Cut(inside, "/")
	return filepath.Join(storeDir, base), linkHolds
}

// lockPins orders the agents that look for one host: what one has just pinned
// again another must not drop.
func (v Volume) lockPins(host string) (unlock func(), err error) {
	dir := v.pinRecord(host)
	f, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		if err = errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(v.pin(host), 0o755)); err == nil {
			f, err = os.Open(dir)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// holdPin makes a pin, or moves it. One of another host's that holds the same is
// as good: whoever made it drops it.
func (v Volume) holdPin(host, name, link, storePath string) error {
	pin := v.pin(host, name)
	old, err := os.Readlink(pin)
	if old == storePath || err != nil && v.heldByAnother(name, storePath) {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(string(v), strings.TrimPrefix(storePath, "/nix"))); err != nil {
		return nil // there is nothing to hold
	}
	// The record comes first: without it nobody could ever drop the pin.
	if err := replaceLink(link, v.pinRecord(host, name)); err != nil {
		return err
	}
	// Beside is outside of gcroots, where a kill would leave a root.
	beside := v.pinRecord(host, ".new")
	_ = os.Remove(beside)
	if err := errors.Join(os.Symlink(storePath, beside), os.MkdirAll(v.pin(host), 0o755)); err != nil {
		return err
	}
	if err := os.Rename(beside, pin); err != nil {
		return err
	}
	return syncDir(v.pin(host))
}

func (v Volume) heldByAnother(name, storePath string) bool {
	others, _ := filepath.Glob(v.pin("*", name))
	for _, other := range others {
		if target, _ := os.Readlink(other); target == storePath {
			return true
		}
	}
	return false
}

func (v Volume) dropPin(host, name string) error {
	for _, path := range []string{v.pin(host, name), v.pinRecord(host, name)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
