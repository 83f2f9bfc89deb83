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

// A linkWatch notices links that come and go, so that what a session builds is safe before
// the session ends. It uses inotify directly: fsnotify would also report each write to a
// file of the project.
type linkWatch struct {
	file  *os.File
	dirs  map[int]string  // watched directories, by the number of their watch
	links map[string]bool // watched links in them; in auto every link is watched
	auto  string          // gcroots/auto
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

// newLinkWatch starts to watch gcroots/auto.
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

// addDir watches a directory, and remembers it by the path that its links are named by.
func (w *linkWatch) addDir(dir, name string, mask uint32) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var watch int
	if bad := raw.Control(func(fd uintptr) { watch, err = unix.InotifyAddWatch(int(fd), dir, mask|unix.IN_ONLYDIR) }); bad != nil {
		return bad
	}
	if err == nil {
		w.dirs[watch] = name
	}
	return err
}

// add watches a link in its real directory. If that cannot be watched, the link is read
// only when a session begins or ends.
func (w *linkWatch) add(dir, link string) {
	if !w.links[link] && w.addDir(dir, filepath.Dir(link), linkComes|linkGoes) == nil {
		w.links[link] = true
	}
}

// linkOf returns the watched link that an event is about, or "".
func (w *linkWatch) linkOf(e event) string {
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

// forget removes a directory and its links.
func (w *linkWatch) forget(watch int) {
	for link := range w.links {
		if filepath.Dir(link) == w.dirs[watch] {
			delete(w.links, link)
		}
	}
	delete(w.dirs, watch)
}

// Watch updates pins as links come and go, until the context ends.
func (p *Pinner) Watch(ctx context.Context) error {
	w, err := newLinkWatch(p.volume.State("gcroots/auto"))
	if err != nil {
		return fmt.Errorf("watching the links to what is built: %w", err)
	}
	p.mu.Lock()
	p.watch = w
	p.mu.Unlock()
	context.AfterFunc(ctx, func() { w.file.Close() })
	go p.readEvents(w)
	return nil
}

// readEvents handles events until the watch is closed.
func (p *Pinner) readEvents(w *linkWatch) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buffer)
		if err != nil {
			return
		}
		for e := range events(buffer[:n]) {
			if err := p.handle(e); err != nil {
				fmt.Fprintln(os.Stderr, "pinning what was built:", err)
			}
		}
	}
}

// events splits what one read returned into events (inotify(7)).
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

// handle updates the pin of the link that an event is about, for the host of the running
// session that began last. If no session runs, a process in the background has made the
// link: it is pinned for the host of the last session, and nothing is dropped.
func (p *Pinner) handle(e event) error {
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
		return p.update(host)
	}
	link := p.watch.linkOf(e)
	if !p.mayBeHere(link) {
		return nil
	}
	return p.updateLinks(host, map[string]bool{link: true}, underWay)
}
