package inside

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent"
)

// Serve is the process of a proxy container: an SSH server on a socket that
// only the container's root can reach. It ends when the context does.
func (a Agent) Serve(ctx context.Context) error {
	host, err := a.Volume.HostKey()
	if err != nil {
		return fmt.Errorf("reading the host key from the volume: %w", err)
	}
	a.removePrivates()
	if err := os.Remove(a.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // of the process before a stop
	}
	listener, err := net.Listen("unix", a.socket())
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	if err := os.Chmod(a.socket(), 0o600); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	config := a.serverConfig(host)
	a.keepers = &keepers{}
	defer a.keepers.close()
	a.keepers.stock()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			// Such as too many open files: the sessions there are go on.
			fmt.Fprintln(os.Stderr, "accepting a connection:", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go a.serveConnection(conn, config)
	}
}

func (a Agent) serverConfig(host ssh.Signer) *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !a.authorized(key) {
				return nil, errors.New("this key is not enrolled")
			}
			return nil, nil
		},
	}
	config.AddHostKey(host)
	return config
}

func (a Agent) serveConnection(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	server, channels, requests, err := ssh.NewServerConn(agent.Buffered(conn), config)
	if err != nil {
		return // whoever it was is told by the protocol
	}
	go agent.Watch(server, requests)
	// The context ends with the client, and what it started ends with the context.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for channel := range channels {
		switch channel.ChannelType() {
		case agent.SessionChannel:
			go a.serveSession(ctx, server, channel)
		default:
			_ = channel.Reject(ssh.UnknownChannelType, "channels of this type are not served")
		}
	}
	_ = server.Wait()
}
