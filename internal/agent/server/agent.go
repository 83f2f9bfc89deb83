package server

import (
	"fmt"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/pins"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// An Agent serves one proxy container.
type Agent struct {
	Volume        layout.Volume
	Dir           string   // the directory for files that only this container uses
	Address       string   // where it listens for TCP; empty: nowhere
	Image         string   // identity of the container's image
	Specification string   // of the container; clients tell containers apart by it
	Moved         []string // mounts that have another path on the host

	config      *ssh.ServerConfig
	supervisors *supervisorPool
	pins        *pins.Pinner
	emulated    func() []string // systems whose programs the kernel runs besides the agent's own
	idle        *idle
	autoGC      *autoGC
}

// Here is the agent of the container that this process is in.
var Here = Agent{Volume: layout.InPlace, Dir: agentapi.Dir, Address: fmt.Sprintf(":%d", agentapi.Port)}

func (a Agent) socket() string { return filepath.Join(a.Dir, "agent.sock") }

func (a Agent) keys() string { return filepath.Join(a.Dir, "authorized_keys") }
