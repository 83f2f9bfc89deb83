package pins

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A listing is where the links of a directory lead. It is read again only after
// the directory has changed.
type listing struct {
	changed time.Time // the directory, when it was read
	links   map[string]string
}

// tick is more than the kernel's clock for files takes for a step: two changes
// within one cannot be told apart.
const tick = 50 * time.Millisecond

// read returns, by the links' names, the targets that are wanted, which must be
// the same ones each time. A directory that cannot be read has none.
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
			continue // just being made
		}
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && wanted(target) {
			l.links[e.Name()] = target
		}
	}
	return l.links
}
