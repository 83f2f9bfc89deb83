package server

import (
	"context"
	"net"
)

// An ending is a connection that ends a context when it ends. It does so before package ssh
// sees the end and ends the streams of sessions: that may end a command, and the agent must
// know first that the client is lost.
type ending struct {
	net.Conn
	end context.CancelFunc
}

func (e ending) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if err != nil {
		e.end()
	}
	return n, err
}

func (e ending) Write(p []byte) (int, error) {
	n, err := e.Conn.Write(p)
	if err != nil {
		e.end()
	}
	return n, err
}
