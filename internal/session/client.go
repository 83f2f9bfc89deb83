package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// ErrLost is the error of a session whose connection ended before its command did.
var ErrLost = hint.Add(errors.New("the connection to the proxy container was lost while the command ran: the container or its engine has ended"),
	"`nixproxy status` shows what is there, and the next run brings it back")

// A Client is a connection to an agent.
type Client struct {
	ssh     *ssh.Client
	hostKey ssh.PublicKey
	alive   *keepAlive

	mu       sync.Mutex
	sessions uint32                           // number of sessions so far
	stderrs  map[uint32]chan<- ssh.NewChannel // of the sessions that await a channel for stderr
}

// handshake bounds the time until an agent has proved that it has the host key.
const handshake = 10 * time.Second

// Connect connects to the agent at the other end of conn, which must have the host
// key. It takes over conn, and closes it on failure and when the context ends.
func Connect(ctx context.Context, conn net.Conn, hostKey ssh.PublicKey, key ssh.Signer) (*Client, error) {
	context.AfterFunc(ctx, func() { conn.Close() })
	late := time.AfterFunc(handshake, func() { conn.Close() })
	defer late.Stop()
	config := &ssh.ClientConfig{
		User:              "root",
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   expecting(hostKey),
		HostKeyAlgorithms: []string{hostKey.Type()},
		// Both ends are ours and of one release. This is the fastest with AES in hardware.
		Config: ssh.Config{KeyExchanges: []string{ssh.KeyExchangeCurve25519}, Ciphers: []string{ssh.CipherAES128GCM}},
	}
	c, channels, requests, err := ssh.NewClientConn(Buffered(conn), "agent", config)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to the agent: %w", err)
	}
	client := &Client{ssh: ssh.NewClient(c, channels, requests), hostKey: hostKey, stderrs: map[uint32]chan<- ssh.NewChannel{}} // ssh.NewClient answers the agent's keep-alives
	client.alive = watch(c)
	go client.route(client.ssh.HandleChannelOpen(stderrChannel))
	return client, nil
}

var errOtherKey = hint.Add(errors.New("its host key is not the volume's"), "`nixproxy stop` ends it, and the next command starts another one")

// expecting refuses an agent with another key. Such an agent has been running since
// before the volume's key was lost.
func expecting(hostKey ssh.PublicKey) ssh.HostKeyCallback {
	fixed := ssh.FixedHostKey(hostKey)
	return func(name string, address net.Addr, key ssh.PublicKey) error {
		if fixed(name, address, key) != nil {
			return errOtherKey
		}
		return nil
	}
}

// route gives each channel for stderr to its session.
func (c *Client) route(offered <-chan ssh.NewChannel) {
	for channel := range offered {
		var of struct{ Session uint32 }
		_ = ssh.Unmarshal(channel.ExtraData(), &of) // no session has the number 0
		c.mu.Lock()
		to, ok := c.stderrs[of.Session]
		delete(c.stderrs, of.Session)
		c.mu.Unlock()
		if !ok {
			_ = channel.Reject(ssh.Prohibited, "no session awaits its stderr")
			continue
		}
		to <- channel
	}
}

// enter gives a session its number, and returns where its channel for stderr comes.
func (c *Client) enter() (uint32, <-chan ssh.NewChannel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions++
	stderr := make(chan ssh.NewChannel, 1)
	c.stderrs[c.sessions] = stderr
	return c.sessions, stderr
}

// forget tells a session that no channel for its stderr will come.
func (c *Client) forget(session uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stderr, waits := c.stderrs[session]; waits {
		delete(c.stderrs, session)
		close(stderr)
	}
}

// Is reports whether the agent serves a container with this specification.
func (c *Client) Is(specification string) bool {
	return string(c.ssh.ServerVersion()) == Banner(specification)
}

// Close ends the connection, and the commands that still run on it.
func (c *Client) Close() error { return c.ssh.Close() }

// Start starts a command. A *Refused error says that it was not started. After any
// other error it may have been started, and then the agent ends it.
func (c *Client) Start(request Request) (*Command, error) {
	channel, requests, err := c.ssh.OpenChannel(SessionChannel, nil)
	if err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	running := &Command{client: c, channel: channel, end: make(chan ending, 1), stopped: make(chan struct{}, 1)}
	running.session, running.stderr = c.enter()
	request.Session = running.session
	if err := request.send(channel, requests); err != nil {
		c.forget(running.session)
		return nil, err
	}
	go running.listen(requests)
	return running, nil
}

// send sends a request and waits until the command is started.
func (r Request) send(channel ssh.Channel, requests <-chan *ssh.Request) error {
	if err := writeRequest(channel, r); err != nil {
		return fmt.Errorf("sending the command: %w", err)
	}
	first, ok := <-requests
	if !ok {
		return errors.New("the agent ended the session before the command was started")
	}
	if first.Type == refusedRequest {
		return parseRefusal(first.Payload)
	}
	return nil
}

func parseRefusal(payload []byte) error {
	var r refusal
	if err := ssh.Unmarshal(payload, &r); err != nil {
		return fmt.Errorf("reading the agent's refusal: %w", err)
	}
	return &Refused{Reason: Reason(r.Reason), Message: r.Message, Hint: string(r.Hint)}
}
