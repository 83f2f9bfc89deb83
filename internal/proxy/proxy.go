// Package proxy is the one way of a command: what must be there is derived from
// the settings (want.go), a proxy container that is remembered is dialled
// without asking anybody (warm.go), else everything is made sure of under a lock
// (ensure.go), and the command runs in a session of the container's agent.
package proxy

import (
	"context"
	"errors"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/agent"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/image"
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
	Argv []string
	Env  []string // K=V
	Dir  string   // empty: the caller's directory, where that is mounted
}

// Run runs a command in the proxy container. An error says that nixproxy itself
// failed; *agent.Refused that the command could not be started.
func (p *Proxy) Run(ctx context.Context, command Command, streams agent.Streams) (agent.Exit, error) {
	want, err := p.want(ctx)
	if err != nil {
		return agent.Exit{}, err
	}
	client, running, err := p.start(ctx, want, want.request(command))
	if err != nil {
		return agent.Exit{}, err
	}
	defer client.Close()
	// Without its client the agent ends the command.
	defer context.AfterFunc(ctx, func() { client.Close() })()
	return running.Wait(streams)
}

// start tries the warm way, and then once the slow one.
func (p *Proxy) start(ctx context.Context, w *want, request agent.Request) (*agent.Client, *agent.Running, error) {
	if p.Settings.Pull != image.PullAlways {
		client, running, err := p.warm(ctx, w, request)
		if !slowPath(err) {
			return client, running, err
		}
		p.Terminal.Debug("the slow path: %v", err)
	}
	w.explain(p.Terminal)
	unlock, err := p.lock(ctx, w.endpoint)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	if p.Settings.Pull != image.PullAlways {
		// Who had the lock before may have made just what is wanted.
		client, running, err := p.warm(ctx, w, request)
		if !slowPath(err) {
			return client, running, err
		}
	}
	return p.cold(ctx, w, request)
}

// errNothing says that no proxy container is remembered.
var errNothing = errors.New("no proxy container is remembered for this")

// slowPath tells whether the warm way failed in a manner that the slow one
// mends: anything before the command was started, but for what is wrong with
// the command itself.
func slowPath(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var refused *agent.Refused
	return !errors.As(err, &refused) || refused.Reason == agent.Unstamped
}

// warm starts the command in the remembered proxy container. It asks the engine
// for nothing but the bridge.
func (p *Proxy) warm(ctx context.Context, w *want, request agent.Request) (*agent.Client, *agent.Running, error) {
	var known remembered
	if !p.State.Load(w.stateFile(), &known) {
		return nil, nil, errNothing
	}
	e, err := engine.Open(w.endpoint, known.APIVersion)
	if err != nil {
		return nil, nil, err
	}
	return p.dial(ctx, e, known, request)
}

// dial connects to a container's agent and starts the command there.
func (p *Proxy) dial(ctx context.Context, e *engine.Engine, known remembered, request agent.Request) (*agent.Client, *agent.Running, error) {
	client, err := p.connect(ctx, e, known)
	if err != nil {
		return nil, nil, err
	}
	request.Image = known.Identity
	running, err := client.Start(request)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return client, running, nil
}

func (p *Proxy) connect(ctx context.Context, e *engine.Engine, known remembered) (*agent.Client, error) {
	hostKey, err := known.hostKey()
	if err != nil {
		return nil, err
	}
	key, err := p.State.ClientKey()
	if err != nil {
		return nil, fmt.Errorf("reading nixproxy's key in %s: %w", p.State.Path(), err)
	}
	bridge, err := e.Exec(ctx, known.Container, agent.Binary, "connect")
	if err != nil {
		return nil, err
	}
	client, err := agent.Connect(ctx, bridge, hostKey, key)
	if err != nil && bridge.Stderr() != "" {
		return nil, fmt.Errorf("%w: %s", err, bridge.Stderr())
	}
	return client, err
}

// Nix returns the Nix that the settings and the host mean.
func (p *Proxy) Nix(ctx context.Context) (version.Nix, error) {
	nix, _, err := p.nix(ctx)
	return nix, err
}
