package proxy

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/session"
)

// Start starts a command in the proxy container. An error says that nixproxy
// itself failed; *session.Refused that the command could not be started. The
// command ends with the context.
func (p *Proxy) Start(ctx context.Context, command Command) (*session.Command, error) {
	if err := p.checkSSHAgent(); err != nil {
		return nil, err
	}
	s, err := p.spec(ctx)
	if err != nil {
		return nil, err
	}
	if s.project, err = p.project(); err != nil {
		return nil, err
	}
	return p.start(ctx, s, p.request(s, command))
}

// start tries the warm way, and then once the slow one.
func (p *Proxy) start(ctx context.Context, s *spec, request session.Request) (*session.Command, error) {
	running, err := p.warm(ctx, s, request)
	if !slowPath(err) {
		return running, err
	}
	p.Terminal.Debug("the slow path: %v", err)
	return setUp(ctx, p, s, func() (*session.Command, error) { return p.startSlowly(ctx, s, request) })
}

// startSlowly makes sure of everything, remembers it, and starts the command. The
// lock is held.
func (p *Proxy) startSlowly(ctx context.Context, s *spec, request session.Request) (*session.Command, error) {
	// Whoever had the lock before may have made just what is needed.
	running, err := p.warm(ctx, s, request)
	if !slowPath(err) {
		return running, err
	}
	return retry(ctx, p, s, func(b *base) (*session.Command, error) { return p.startOnBase(ctx, s, b, request) })
}

// startOnBase makes sure of the proxy container and starts the command in it.
func (p *Proxy) startOnBase(ctx context.Context, s *spec, b *base, request session.Request) (*session.Command, error) {
	known, err := p.ensureProxy(ctx, s, b)
	if err != nil {
		return nil, err
	}
	if err := p.State.Save(s.stateFile(), known); err != nil {
		p.Terminal.Warn("the next command will be slow again: %v", err)
	}
	return p.dial(ctx, s, known, request)
}
