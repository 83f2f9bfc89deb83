package server

import (
	"os"
	"path/filepath"
	"sync"
)

// memory is a file system in memory that containers have of their own.
const memory = "/dev/shm"

// privateName begins the name of each private directory.
const privateName = "session-"

// A private directory is one session's own, for what must be a file and nobody
// but root may see: a secret, a socket. It is made when it is first needed, in
// memory where there is some, and removed at the session's end.
type private struct {
	places []string // the first in which it can be made

	mu   sync.Mutex
	path string
}

func (a Agent) newPrivate() *private { return &private{places: []string{memory, a.Dir}} }

// dir is the directory's path.
func (p *private) dir() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, place := range p.places {
		if p.path != "" {
			break
		}
		p.path, err = os.MkdirTemp(place, privateName) // 0700
	}
	return p.path, err
}

func (p *private) remove() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.path != "" {
		_ = os.RemoveAll(p.path)
	}
}

// removePrivates removes what the container's agent before this one has left:
// it may have been killed, and not all places are in memory.
func (a Agent) removePrivates() {
	left, _ := filepath.Glob(filepath.Join(a.Dir, privateName+"*"))
	for _, path := range left {
		_ = os.RemoveAll(path)
	}
}
