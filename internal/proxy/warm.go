package proxy

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/image"
)

// remembered is a proxy container as the state file holds it: all that the warm
// way needs.
type remembered struct {
	Container  string `json:"container"`  // id
	APIVersion string `json:"apiVersion"` // of the engine
	HostKey    string `json:"hostKey"`    // authorized_keys form
}

func (r remembered) hostKey() (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(r.HostKey))
	if err != nil {
		return nil, fmt.Errorf("reading the remembered host key: %w", err)
	}
	return key, nil
}

// Why the warm way is not even tried.
var (
	errNothing = errors.New("no proxy container is remembered for this")
	errPull    = errors.New("the image is to be pulled whatever is there")
)

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
func (p *Proxy) warm(ctx context.Context, w *want, request agent.Request) (*agent.Running, error) {
	if w.source.Pull == image.PullAlways {
		return nil, errPull
	}
	var known remembered
	if !p.State.Load(w.stateFile(), &known) {
		return nil, errNothing
	}
	e, err := engine.Open(w.endpoint, known.APIVersion)
	if err != nil {
		return nil, err
	}
	return p.dial(ctx, e, known, request)
}

// dial connects to a container's agent and starts the command there.
func (p *Proxy) dial(ctx context.Context, e *engine.Engine, known remembered, request agent.Request) (*agent.Running, error) {
	client, err := p.connect(ctx, e, known)
	if err != nil {
		return nil, err
	}
	running, err := client.Start(request)
	if err != nil {
		client.Close()
		return nil, err
	}
	return running, nil
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
	bridge, err := e.Bridge(ctx, known.Container, agent.Binary, "connect")
	if err != nil {
		return nil, err
	}
	client, err := agent.Connect(ctx, bridge, hostKey, key)
	if err != nil && bridge.Stderr() != "" {
		return nil, fmt.Errorf("%w: %s", err, bridge.Stderr())
	}
	return client, err
}
