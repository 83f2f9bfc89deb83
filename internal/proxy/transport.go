package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/session"
)

// Two ways lead to an agent: the port that its container publishes on this
// machine's loopback, and an exec of the engine's. The exec works everywhere. The
// port is several times faster, but may lie: it opens seconds late, a forwarder with
// nothing behind accepts connections, or it belongs to another container after a
// restart. So a connection counts only when the agent has proved to be the right one.
const (
	transportPort = "port"
	transportExec = "exec"
)

const (
	// alive is the time within which that proof has to begin, with the right banner.
	alive = 300 * time.Millisecond
	// aliveForced is the same where there is no exec to take instead. On a busy
	// machine an agent may take its time.
	aliveForced = 5 * time.Second
	// rest is the factor by which a port without an answer is left alone longer than
	// the attempt took: such attempts may cost half a percent of the time.
	rest = 200
)

// A route is what it takes to reach one container's agent.
type route struct {
	remembered
	hostKey ssh.PublicKey
	key     ssh.Signer
}

func (p *Proxy) route(known remembered) (route, error) {
	r := route{remembered: known}
	var err error
	if r.hostKey, err = known.hostKey(); err != nil {
		return r, err
	}
	if r.key, err = p.State.ClientKey(); err != nil {
		return r, fmt.Errorf("reading nixproxy's key in %s: %w", p.State.Path(), err)
	}
	return r, nil
}

// connect connects to a container's agent: over the port if it answers, else
// over an exec, or as the settings say.
func (p *Proxy) connect(ctx context.Context, s *spec, known remembered) (*session.Client, error) {
	r, err := p.route(known)
	if err != nil {
		return nil, err
	}
	var cost time.Duration // of a port that does not answer
	if begin := time.Now(); usesPort(p.Settings.Transport, known, begin) {
		client, err := r.overPort(ctx, patience(p.Settings.Transport))
		if err == nil {
			return client, nil
		}
		if p.Settings.Transport == transportPort {
			return nil, hint.Add(err, "use --transport auto or exec")
		}
		cost = time.Since(begin)
		p.Terminal.Debug("using the engine's exec: %v", err)
	}
	e, err := p.NewEngine(s.endpoint, known.APIVersion)
	if err != nil {
		return nil, err
	}
	client, err := r.overExec(ctx, e)
	if err == nil && cost > 0 {
		p.restPort(ctx, e, s, known, cost)
	}
	return client, err
}

// usesPort tells whether the port is to be tried first.
func usesPort(transport string, known remembered, now time.Time) bool {
	switch transport {
	case transportPort:
		return true
	case transportExec:
		return false
	}
	return known.Address != "" && !now.Before(known.Rested)
}

// patience is how long a port may take to answer.
func patience(transport string) time.Duration {
	if transport == transportPort {
		return aliveForced
	}
	return alive
}

// overPort connects over the port. The agent's proof must begin within that time.
func (r route) overPort(ctx context.Context, within time.Duration) (*session.Client, error) {
	if r.Address == "" {
		return nil, errors.New("the proxy container has no port on this machine")
	}
	dialer := net.Dialer{Timeout: within, KeepAlive: -1} // SSH has its own
	deadline := time.Now().Add(within)
	conn, err := dialer.DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return nil, r.silent(err)
	}
	_ = conn.SetDeadline(deadline)
	client, err := session.Connect(ctx, &greeted{Conn: conn, banner: session.Banner(r.Specification)}, r.hostKey, r.key)
	if err != nil {
		return nil, r.silent(err)
	}
	if !client.Is(r.Specification) {
		client.Close()
		return nil, r.silent(errors.New("it is another container's"))
	}
	return client, nil
}

// A greeted connection has a deadline until the right banner arrives. The rest of
// the proof takes processor time, of which a busy machine has little; a forwarder
// cannot delay it.
type greeted struct {
	net.Conn
	banner string
	over   bool
}

func (g *greeted) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if !g.over && bytes.HasPrefix(p[:n], []byte(g.banner)) {
		_ = g.Conn.SetDeadline(time.Time{})
	}
	g.over = true
	return n, err
}

func (r route) silent(err error) error {
	return fmt.Errorf("the proxy container's port at %s does not answer: %w", r.Address, err)
}

func (r route) overExec(ctx context.Context, e Engine) (*session.Client, error) {
	stream, err := e.Exec(ctx, r.Container, agentapi.Binary, agentapi.ModeConnect)
	if err != nil {
		return nil, err
	}
	client, err := session.Connect(ctx, stream, r.hostKey, r.key)
	if failure := stream.Failure(); err != nil && failure != nil {
		return nil, fmt.Errorf("%w: %w", err, failure)
	}
	return client, err
}

// restPort remembers that the port of a running container did not answer, how long
// the attempt took, and which port the container has now: a restart changes it.
func (p *Proxy) restPort(ctx context.Context, e Engine, s *spec, known remembered, cost time.Duration) {
	c, err := e.FindContainer(ctx, known.Container)
	if err != nil {
		p.Terminal.Debug("looking for another port: %v", err)
		return
	}
	if c.Address == known.Address {
		known.Rested = time.Now().Add(rest * cost)
	}
	known.Address = c.Address
	if err := p.State.Save(s.stateFile(), known); err != nil {
		p.Terminal.Debug("remembering the port: %v", err)
	}
}
