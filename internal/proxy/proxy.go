// Package proxy is the one way of a command: what must be there is derived from
// the settings (want.go), a proxy container that is remembered is dialled
// without asking anybody (warm.go), else everything is made sure of under a lock
// (ensure.go), and the command runs in a session of the container's agent.
package proxy

import (
	"context"

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
}

// A Command is what to run.
type Command struct {
	Argv     []string
	SSH      bool     // no command: its streams are an SSH connection, whose commands are as this one would be
	Env      []string // K=V
	Terminal *session.Terminal
	OneFile  bool // stdout and stderr are one
}

// Start starts a command in the proxy container. An error says that nixproxy
// itself failed; *session.Refused that the command could not be started. The
// command ends with the context.
func (p *Proxy) Start(ctx context.Context, command Command) (*session.Running, error) {
	if err := p.checkSSHAgent(); err != nil {
		return nil, err
	}
	want, err := p.want(ctx)
	if err != nil {
		return nil, err
	}
	if want.project, err = p.project(); err != nil {
		return nil, err
	}
	return p.start(ctx, want, p.request(want, command))
}

// start tries the warm way, and then once the slow one.
func (p *Proxy) start(ctx context.Context, w *want, request session.Request) (*session.Running, error) {
	running, err := p.warm(ctx, w, request)
	if !slowPath(err) {
		return running, err
	}
	p.Terminal.Debug("the slow path: %v", err)
	err = p.settingUp(ctx, w, func() (err error) {
		// Who had the lock before may have made just what is wanted.
		running, err = p.warm(ctx, w, request)
		if slowPath(err) {
			running, err = p.cold(ctx, w, request)
		}
		return err
	})
	return running, err
}

// Nix returns the Nix that the settings and the host mean.
func (p *Proxy) Nix(ctx context.Context) (version.Nix, error) {
	nix, _, err := p.nix(ctx)
	return nix, err
}
