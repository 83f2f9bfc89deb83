package session

import (
	"context"
	"fmt"
	"net"
)

// Forward makes the agent listen on its container's loopback, and carries each
// connection to an address of this host, until the client's connection ends. It
// returns the address in the container.
func (c *Client) Forward(to string) (string, error) {
	listener, err := c.ssh.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("forwarding %s into the container: %w", to, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_ = c.ssh.Wait()
		cancel()
	}()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // the client's end
			}
			go forward(ctx, from, to)
		}
	}()
	return listener.Addr().String(), nil
}

// forward carries one connection. If nothing listens on the host, the connection in
// the container is closed.
func forward(ctx context.Context, from net.Conn, to string) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		from.Close()
		return
	}
	Splice(ctx, from.(Stream), conn.(Stream))
}
