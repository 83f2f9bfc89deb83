package server

import (
	"fmt"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/pins"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// An Agent serves one container: it knows where the volume is mounted, and
// where it keeps what is the container's alone.
type Agent struct {
	Volume        layout.Volume
	Dir           string
	Address       string   // where it listens for TCP; empty: nowhere
	Image         string   // the identity of the container's image
	Specification string   // the container's, by which clients know it from others
	Moved         []string // mounts that are not where they are on the host

	config   *ssh.ServerConfig
	keepers  *keepers
	pins     *pins.Pinner
	emulated func() []string // systems whose programs the kernel runs besides the agent's own
	idle     *idle
	tidier   *tidier
}

// Here is the agent of the container that this process is in.
var Here = Agent{Volume: layout.InPlace, Dir: agentapi.Dir, Address: fmt.Sprintf(":%d", agentapi.Port)}

func (a Agent) socket() string { return filepath.Join(a.Dir, "agent.sock") }

func (a Agent) keys() string { return filepath.Join(a.Dir, "authorized_keys") }
