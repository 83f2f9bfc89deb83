package pins

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A listing has the targets of the links in a directory. It is read again only after the
// directory has changed.
type listing struct {
	changed time.Time         // the directory's modification time when it was read
	links   map[string]string // targets, by the links' names
}

// tick is longer than one step of the kernel's clock for files. Two changes within one
// step cannot be told apart.
const tick = 50 * time.Millisecond

// read returns the wanted targets, by the links' names. Every call must want the same
// ones. A directory that cannot be read has none.
func (l *listing) read(dir string, wanted func(target string) bool) map[string]string {
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	if info.ModTime().Equal(l.changed) {
		return l.links
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	l.links, l.changed = map[string]string{}, info.ModTime()
	if time.Since(l.changed) < tick {
		l.changed = time.Time{}
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // a temporary name
		}
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && wanted(target) {
			l.links[e.Name()] = target
		}
	}
	return l.links
}
