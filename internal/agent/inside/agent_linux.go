package inside

import (
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/agent"
)

// An Agent serves one container: it knows where the volume is mounted, and
// where it keeps what is the container's alone.
type Agent struct {
	Volume Volume
	Dir    string
	Image  string // the identity of the container's image

	keepers *keepers
}

// Here is the agent of the container that this process is in.
var Here = Agent{Volume: "/nix", Dir: agent.Dir}

func (a Agent) socket() string { return filepath.Join(a.Dir, "agent.sock") }

func (a Agent) keys() string { return filepath.Join(a.Dir, "authorized_keys") }
