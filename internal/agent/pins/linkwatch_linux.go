package pins

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A linkWatch hears of links that come and go, so that what a session has built
// need not wait for its end to be safe. It asks inotify by itself: fsnotify would
// hear of each write to a file of the project's too.
type linkWatch struct {
	file  *os.File
	dirs  map[int]string  // by the number of their watch
	links map[string]bool // those that matter in them; of gcroots/auto all do
	auto  string
}

// An event is about one name in a watched directory.
type event struct {
	watch int
	mask  uint32
	name  string
}

const (
	linkComes = unix.IN_CREATE | unix.IN_MOVED_TO
	linkGoes  = unix.IN_DELETE | unix.IN_MOVED_FROM
)

func newLinkWatch(auto string) (*linkWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	w := &linkWatch{file: os.NewFile(uintptr(fd), "inotify"), dirs: map[int]string{}, links: map[string]bool{}, auto: auto}
	if err := w.addDir(auto, auto, linkComes); err != nil {
		w.file.Close()
		return nil, err
	}
	return w, nil
}

func (w *linkWatch) addDir(dir, called string, mask uint32) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var watch int
	if bad := raw.Control(func(fd uintptr) { watch, err = unix.InotifyAddWatch(int(fd), dir, mask|unix.IN_ONLYDIR) }); bad != nil {
		return bad
	}
	if err == nil {
		w.dirs[watch] = called
	}
	return err
}

// add watches a link in its real directory. Where that cannot be watched the
// link is looked at when a session begins or ends.
func (w *linkWatch) add(dir, link string) {
	if !w.links[link] && w.addDir(dir, filepath.Dir(link), linkComes|linkGoes) == nil {
		w.links[link] = true
	}
}

// about is the link that an event is about; empty: none that matters.
func (w *linkWatch) about(e event) string {
	dir, path := w.dirs[e.watch], filepath.Join(w.dirs[e.watch], e.name)
	switch {
	case e.mask&unix.IN_IGNORED != 0: // the directory is gone
		w.forget(e.watch)
	case dir == w.auto:
		link, _ := os.Readlink(path) // it may be gone again
		return link
	case w.links[path]:
		return path
	}
	return ""
}

func (w *linkWatch) forget(watch int) {
	for link := range w.links {
		if filepath.Dir(link) == w.dirs[watch] {
			delete(w.links, link)
		}
	}
	delete(w.dirs, watch)
}

// Watch has links looked at as they come and go, until the context ends.
func (p *Pinner) Watch(ctx context.Context) error {
	w, err := newLinkWatch(p.volume.State("gcroots/auto"))
	if err != nil {
		return fmt.Errorf("watching the links to what is built: %w", err)
	}
	p.mu.Lock()
	p.watch = w
	p.mu.Unlock()
	context.AfterFunc(ctx, func() { w.file.Close() })
	go p.listen(w)
	return nil
}

func (p *Pinner) listen(w *linkWatch) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buffer)
		if err != nil {
			return
		}
		for e := range events(buffer[:n]) {
			if err := p.heard(e); err != nil {
				fmt.Fprintln(os.Stderr, "pinning what was built:", err)
			}
		}
	}
}

// events takes apart what a read gave (inotify(7)).
func events(b []byte) iter.Seq[event] {
	return func(yield func(event) bool) {
		for len(b) >= unix.SizeofInotifyEvent {
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
			if !yield(event{watch: int(int32(binary.NativeEndian.Uint32(b))), mask: binary.NativeEndian.Uint32(b[4:]), name: name}) {
				return
			}
			b = b[end:]
		}
	}
}

// heard looks at the link that an event is about, for a host that has a session
// under way. Without one, what a process in the background has built is pinned
// for the last that had, and nothing is dropped.
func (p *Pinner) heard(e event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	host, underWay := p.host, len(p.sessions) > 0
	if underWay {
		host = p.sessions[len(p.sessions)-1]
	}
	if host == "" {
		return nil
	}
	if e.mask&unix.IN_Q_OVERFLOW != 0 && underWay {
		return p.look(host)
	}
	link := p.watch.about(e)
	if !p.mayBeHere(link) {
		return nil
	}
	return p.judge(host, map[string]bool{link: true}, underWay)
}
