package server

import (
	"context"
	"net"
)

// An ending is a connection that ends a context when it ends itself, before that is
// seen by package ssh, which then ends the stdin and the outputs of sessions: by that
// a command may end before anybody knows that its client is lost.
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
