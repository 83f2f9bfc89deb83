package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/session"
)

// remembered is a proxy container as the state file holds it: all that the warm
// way needs.
type remembered struct {
	Container     string    `json:"container"`         // id
	Specification string    `json:"specification"`     // the container's, as its agent says it
	APIVersion    string    `json:"apiVersion"`        // of the engine
	HostKey       string    `json:"hostKey"`           // authorized_keys form
	Address       string    `json:"address,omitempty"` // of the agent's port; empty: it has none
	Rested        time.Time `json:"rested,omitzero"`   // when the port may be tried again
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

// slowPath tells whether the slow way can repair what the warm way failed for: all
// that happens before the command is started, except for what is wrong with the
// command itself.
func slowPath(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var refused *session.Refused
	return !errors.As(err, &refused) || refused.Reason == session.Unstamped || refused.Reason == session.NoDirectory
}

// warm starts the command in the remembered proxy container. Over its port it
// asks the engine for nothing, else for the exec alone.
func (p *Proxy) warm(ctx context.Context, s *spec, request session.Request) (*session.Command, error) {
	if s.source.Pull == image.PullAlways {
		return nil, errPull
	}
	var known remembered
	if !p.State.Load(s.stateFile(), &known) {
		return nil, errNothing
	}
	return p.dial(ctx, s, known, request)
}

// dial connects to a container's agent and starts the command there.
func (p *Proxy) dial(ctx context.Context, s *spec, known remembered, request session.Request) (*session.Command, error) {
	client, err := p.connect(ctx, s, known)
	if err != nil {
		return nil, err
	}
	running, err := p.startOn(client, request)
	if err != nil {
		client.Close()
		return nil, err
	}
	return running, nil
}

// startOn offers what the command needs from the host, and starts it.
func (p *Proxy) startOn(client *session.Client, request session.Request) (*session.Command, error) {
	if request.SSHAgent {
		client.OfferSSHAgent(p.Host.SSHAgent)
	}
	var err error
	if request.Env, err = reachProxies(request.Env, client.Forward); err != nil {
		return nil, err
	}
	return client.Start(request)
}
