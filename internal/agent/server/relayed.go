package server

import (
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/session"
)

// serveRelayed serves the SSH connection that a session's streams are. Its
// commands have what the session requested.
func (a Agent) serveRelayed(c caller, request session.Request, requests <-chan *ssh.Request) {
	go ssh.DiscardRequests(requests)
	request.SSH, request.SSHAgent = false, false // done
	// What every command would be refused for is told before there is any.
	if _, refused := a.prepare(session.Request{Argv: []string{"sh"}, Dir: request.Dir}, nil); refused != nil {
		c.Refuse(refused.Reason, refused.Message)
		return
	}
	if c.Started() == nil {
		a.serveConnection(&relayed{caller: c}, request)
	}
}

// A relayed is a session as a connection.
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

// The session is watched by its own connection: no deadline is needed.

func (r *relayed) SetDeadline(time.Time) error      { return nil }
func (r *relayed) SetReadDeadline(time.Time) error  { return nil }
func (r *relayed) SetWriteDeadline(time.Time) error { return nil }

type relayedAddr struct{}

func (relayedAddr) Network() string { return session.SessionChannel }
func (relayedAddr) String() string  { return "client" }
