package server

import (
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/session"
)

// serveRelayed serves an SSH connection whose bytes are a session's streams. Its
// commands get what the session requested.
func (a Agent) serveRelayed(c caller, request session.Request, requests <-chan *ssh.Request) {
	go ssh.DiscardRequests(requests)
	request.SSH, request.SSHAgent = false, false // these are done
	// A reason to refuse every command is told before there is one.
	if _, refused := a.prepare(session.Request{Argv: []string{"sh"}, Dir: request.Dir}, nil); refused != nil {
		c.Refuse(refused)
		return
	}
	if c.Started() == nil {
		a.serveConnection(&relayed{caller: c}, request)
	}
}

// A relayed is a session as a net.Conn.
type relayed struct {
	caller
	end sync.Once
}

func (r *relayed) Close() error {
	r.end.Do(func() { r.Exit(session.Exit{}, 0) })
	return nil
}

func (r *relayed) LocalAddr() net.Addr  { return relayedAddr{} }
func (r *relayed) RemoteAddr() net.Addr { return relayedAddr{} }

// The session's own connection notices a lost client: no deadline is needed.

func (r *relayed) SetDeadline(time.Time) error      { return nil }
func (r *relayed) SetReadDeadline(time.Time) error  { return nil }
func (r *relayed) SetWriteDeadline(time.Time) error { return nil }

type relayedAddr struct{}

func (relayedAddr) Network() string { return session.SessionChannel }
func (relayedAddr) String() string  { return "client" }
