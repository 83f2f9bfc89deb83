// Package proxy runs a command in its container (start.go). What must be there is
// derived from the settings (spec.go). A proxy container that is remembered is dialled
// without asking the engine (warm.go); otherwise everything is made sure of under a
// lock (setup.go). The command is a session of the container's agent.
package proxy

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/agentbin"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/settings"
	"github.com/nixproxy/nixproxy/internal/state"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// A Proxy runs commands with one user's settings.
type Proxy struct {
	Settings settings.Settings
	Terminal *terminal.Terminal
	State    *state.Dir
	Host     Host
	Agents   agentbin.Agents // the programs for the containers
	// NewEngine prepares to speak to the engine at an endpoint and sends nothing.
	// apiVersion is what an earlier Greet returned; empty means that Greet follows.
	NewEngine func(endpoint engine.Endpoint, apiVersion string) (Engine, error)
}

// A Host is the machine that nixproxy runs on, as far as a command depends on it.
type Host struct {
	System   string // its kernel, as Go calls it: darwin, linux
	Dir      string // the working directory
	Home     string
	Engine   engine.Host
	Self     string // the running nixproxy
	SSHAgent string // socket of the user's ssh agent; empty: none
	Umask    int
}

// A Command is what to run.
type Command struct {
	Argv []string
	// SSH: there is no command. The streams are an SSH connection, whose commands get
	// what this command would get.
	SSH      bool
	Env      []string // K=V
	Terminal *session.Terminal
	OneFile  bool // stdout and stderr are one
}

// Nix returns the Nix that the settings and the host mean.
func (p *Proxy) Nix(ctx context.Context) (version.Nix, error) {
	nix, _, err := p.nix(ctx)
	return nix, err
}
