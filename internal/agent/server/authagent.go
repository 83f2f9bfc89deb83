package server

import (
	"context"
	"net"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/session"
)

// lendSSHAgent makes a socket to the client's ssh agent in a session's private
// directory, and returns its path. The socket ends with the context.
func lendSSHAgent(ctx context.Context, conn ssh.Conn, p *private) (string, error) {
	dir, err := p.dir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ssh-agent.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			user, err := listener.Accept()
			if err != nil {
				return
			}
			go reachSSHAgent(ctx, conn, user.(*net.UnixConn))
		}
	}()
	return path, nil
}

func reachSSHAgent(ctx context.Context, conn ssh.Conn, user *net.UnixConn) {
	channel, requests, err := conn.OpenChannel(session.SSHAgentChannel, nil)
	if err != nil {
		user.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	session.Splice(ctx, channel, user)
}
