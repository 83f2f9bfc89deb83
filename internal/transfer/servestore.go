package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/session"
)

// serveStore speaks with the volume's store, by the Nix of the proxy container.
func serveStore(ctx context.Context, p *proxy.Proxy) (*nixstore.Server, error) {
	running, err := p.Start(ctx, proxy.Command{Argv: []string{"nix-store", "--serve", "--write"}})
	if err != nil {
		return nil, err
	}
	store, err := nixstore.Speak(peer(running))
	if err != nil {
		return nil, fmt.Errorf("asking the volume's store: %w", err)
	}
	return store, nil
}

// peer is a session as the process that it runs.
func peer(running *session.Command) nixstore.Peer {
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	var stderr nixstore.Tail
	ended := make(chan struct{})
	go func() {
		_, err := running.Wait(session.Streams{In: in, Out: out, Err: &stderr})
		out.CloseWithError(err)
		in.CloseWithError(io.ErrClosedPipe)
		running.Close()
		close(ended)
	}()
	return nixstore.Peer{Stdin: stdin, Stdout: stdout, Kill: func() {
		stdout.Close()
		running.Close()
	}, Wait: func() string {
		<-ended
		return stderr.String()
	}}
}
