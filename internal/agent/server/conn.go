package server

import (
	"context"
	"net"
)

// An ending is a connection with whose end a context ends, before anybody sees that
// end: package ssh makes of it the end of a session's stdin and outputs, by which
// the command may end as well.
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
