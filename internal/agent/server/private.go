package server

import (
	"os"
	"path/filepath"
	"sync"
)

// memory is a file system in memory. Each container has its own.
const memory = "/dev/shm"

// privateName begins the name of each private directory.
const privateName = "session-"

// A private directory belongs to one session, for files that only root may see: secrets,
// and the socket of the ssh agent. It is made when it is first needed, in memory if
// possible, and removed at the session's end.
type private struct {
	parents []string // it is made in the first that works

	mu   sync.Mutex
	path string
}

func (a Agent) newPrivate() *private { return &private{parents: []string{memory, a.Dir}} }

// dir returns the directory's path.
func (p *private) dir() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, parent := range p.parents {
		if p.path != "" {
			break
		}
		p.path, err = os.MkdirTemp(parent, privateName) // 0700
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

// removePrivates removes the private directories that an agent of this container left
// on the disk when it was killed.
func (a Agent) removePrivates() {
	left, _ := filepath.Glob(filepath.Join(a.Dir, privateName+"*"))
	for _, path := range left {
		_ = os.RemoveAll(path)
	}
}
