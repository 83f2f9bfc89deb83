package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent/pins"
	"github.com/nixproxy/nixproxy/internal/agent/platform"
	"github.com/nixproxy/nixproxy/internal/session"
)

// handshakeTimeout bounds the time until a client has authenticated.
const handshakeTimeout = 10 * time.Second

// clientKey is the name of the permission that holds the client's public key.
const clientKey = "key@nixproxy.dev"

// Serve is the process of a proxy container: an SSH server on a unix socket that only
// the container's root can reach, and on a port. It ends with the context, or when no
// client has used it for the idle time.
func (a Agent) Serve(ctx context.Context) error {
	host, err := a.Volume.HostKey()
	if err != nil {
		return fmt.Errorf("reading the host key from the volume: %w", err)
	}
	leave, err := a.Volume.Occupy(0)
	if err != nil {
		return err
	}
	defer leave()
	leaveImage, err := a.Volume.UseImage(a.Image)
	if err != nil {
		return fmt.Errorf("marking the image as in use: %w", err)
	}
	defer leaveImage()
	ctx, end := context.WithCancel(ctx)
	defer end()
	a.idle = newIdle(session.Idle, end)
	a.autoGC = &autoGC{collect: a.collectGarbage()}
	a.removePrivates()
	listeners, err := a.listen(ctx)
	defer context.AfterFunc(ctx, func() { closeAll(listeners) })()
	if err != nil {
		closeAll(listeners)
		return fmt.Errorf("listening: %w", err)
	}
	a.config = a.serverConfig(host)
	a.pins = pins.New(a.Volume, a.Moved)
	if err := a.pins.Watch(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err) // then what is built is pinned at the end of its session
	}
	a.emulated = platform.Try(a.Dir)
	a.supervisors = &supervisorPool{}
	defer a.supervisors.close()
	a.supervisors.stock()
	var accepting sync.WaitGroup
	for _, l := range listeners {
		accepting.Go(func() { a.accept(ctx, l) })
	}
	accepting.Wait()
	return nil
}

// listen opens the socket last: a client that can connect to it can connect to the port.
func (a Agent) listen(ctx context.Context) ([]net.Listener, error) {
	var all []net.Listener
	if a.Address != "" {
		quiet := net.ListenConfig{KeepAlive: -1} // SSH has its own
		l, err := quiet.Listen(ctx, "tcp", a.Address)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	if err := os.Remove(a.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return all, err // an agent that was stopped may have left it
	}
	l, err := net.Listen("unix", a.socket())
	if err != nil {
		return all, err
	}
	return append(all, l), os.Chmod(a.socket(), 0o600)
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

func (a Agent) accept(ctx context.Context, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			// This may be "too many open files": the present sessions go on.
			fmt.Fprintln(os.Stderr, "accepting a connection:", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go a.serveConnection(conn, session.Request{Umask: 0o022})
	}
}

func (a Agent) serverConfig(host ssh.Signer) *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		ServerVersion: session.Banner(a.Specification),
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !a.authorized(key) {
				return nil, errors.New("this key is not enrolled")
			}
			return &ssh.Permissions{Extensions: map[string]string{clientKey: string(key.Marshal())}}, nil
		},
	}
	// These are the fastest with AES in hardware. OpenSSH would choose them last.
	config.Ciphers = []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM}
	config.AddHostKey(host)
	return config
}

// serveConnection serves one client. The template has what the commands of standard
// sessions get without a way to request it.
func (a Agent) serveConnection(conn net.Conn, template session.Request) {
	defer conn.Close()
	// The context ends with the client, and the client's commands with the context.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout))
	server, channels, requests, err := ssh.NewServerConn(session.Buffered(ending{conn, cancel}), a.config)
	if err != nil {
		return // SSH tells the client why
	}
	_ = conn.SetDeadline(time.Time{})
	if !a.idle.enter() {
		return // the client starts the container anew
	}
	a.autoGC.enter()
	defer func() {
		a.autoGC.leave()
		a.idle.leave()
		_ = a.Volume.RenewUse(a.Image) // only garbage collection reads it, so no command's end waits for it
	}()
	go session.Watch(server, requests, newForwards(ctx, server).handle)
	for channel := range channels {
		switch channel.ChannelType() {
		case session.SessionChannel:
			go a.serveSession(ctx, server, channel)
		case standardChannel:
			go a.serveStandard(ctx, server, channel, template)
		default:
			_ = channel.Reject(ssh.UnknownChannelType, "channels of this type are not served")
		}
	}
	_ = server.Wait()
}
