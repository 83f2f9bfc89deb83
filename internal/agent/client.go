package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// ErrLost is the error of a session whose connection ended before its command did.
var ErrLost = errors.New("the connection to the proxy container was lost while the command ran: " +
	"the container or its engine has ended; `nixproxy status` shows what is there, and the next run brings it back")

// A Client is a connection to an agent.
type Client struct {
	ssh     *ssh.Client
	hostKey ssh.PublicKey
	alive   *keepAlive

	mu       sync.Mutex
	sessions uint32                           // so far
	stderrs  map[uint32]chan<- ssh.NewChannel // where sessions await a channel for stderr
}

// handshake bounds the time until an agent has proved to be the right one.
const handshake = 10 * time.Second

// Connect speaks to the agent at the other end of the connection, which must
// own the host key. It takes over the connection, which ends on failure and with
// the context.
func Connect(ctx context.Context, conn net.Conn, hostKey ssh.PublicKey, key ssh.Signer) (*Client, error) {
	context.AfterFunc(ctx, func() { conn.Close() })
	late := time.AfterFunc(handshake, func() { conn.Close() })
	defer late.Stop()
	config := &ssh.ClientConfig{
		User:              "root",
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   ssh.FixedHostKey(hostKey),
		HostKeyAlgorithms: []string{hostKey.Type()},
		// Both ends are ours and one release: what is fastest with AES in hardware.
		Config: ssh.Config{KeyExchanges: []string{ssh.KeyExchangeCurve25519}, Ciphers: []string{ssh.CipherAES128GCM}},
	}
	c, channels, requests, err := ssh.NewClientConn(Buffered(conn), "agent", config)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to the agent: %w", err)
	}
	client := &Client{ssh: ssh.NewClient(c, channels, requests), hostKey: hostKey, stderrs: map[uint32]chan<- ssh.NewChannel{}} // which answers the agent's keep-alives
	client.alive = watch(c)
	go client.route(client.ssh.HandleChannelOpen(stderrChannel))
	return client, nil
}

// route gives each channel for stderr to its session.
func (c *Client) route(offered <-chan ssh.NewChannel) {
	for channel := range offered {
		var of struct{ Session uint32 }
		_ = ssh.Unmarshal(channel.ExtraData(), &of) // 0 is nobody's
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

// enter numbers a session, and awaits its channel for stderr.
func (c *Client) enter() (uint32, <-chan ssh.NewChannel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions++
	stderr := make(chan ssh.NewChannel, 1)
	c.stderrs[c.sessions] = stderr
	return c.sessions, stderr
}

// Is tells whether the agent serves a container with this specification.
func (c *Client) Is(specification string) bool {
	return string(c.ssh.ServerVersion()) == Banner(specification)
}

// Close ends the connection, and with it what still runs on it.
func (c *Client) Close() error { return c.ssh.Close() }

// Start starts a command. A *Refused error says that it was not started;
// after any other error nobody knows, but the agent ends what it lost.
func (c *Client) Start(request Request) (*Running, error) {
	channel, requests, err := c.ssh.OpenChannel(SessionChannel, nil)
	if err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	r := &Running{client: c, channel: channel, end: make(chan ending, 1), stopped: make(chan struct{}, 1)}
	request.Session, r.stderr = c.enter()
	if err := writeRequest(channel, request); err != nil {
		return nil, fmt.Errorf("sending the command: %w", err)
	}
	first, ok := <-requests
	if !ok {
		return nil, errors.New("the agent ended the session before the command was started")
	}
	if first.Type == refusedRequest {
		return nil, refusal(first.Payload)
	}
	go r.listen(requests)
	return r, nil
}

func refusal(payload []byte) error {
	var r struct {
		Reason  uint32
		Message string
	}
	if err := ssh.Unmarshal(payload, &r); err != nil {
		return fmt.Errorf("reading the agent's refusal: %w", err)
	}
	return &Refused{Reason: Reason(r.Reason), Message: r.Message}
}
