package session

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
		HostKeyCallback:   expecting(hostKey),
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

var errOtherKey = errors.New("its host key is not the volume's: `nixproxy stop` ends it, and the next command starts another one")

// expecting refuses an agent with another key, such as one that has been running
// since before the volume's was lost.
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

// forget ends the wait of a session for a channel that will not come.
func (c *Client) forget(session uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stderr, waits := c.stderrs[session]; waits {
		delete(c.stderrs, session)
		close(stderr)
	}
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
	r.session, r.stderr = c.enter()
	request.Session = r.session
	if err := request.send(channel, requests); err != nil {
		c.forget(r.session)
		return nil, err
	}
	go r.listen(requests)
	return r, nil
}

// send sends a request and takes the answer: nil is "started".
func (r Request) send(channel ssh.Channel, requests <-chan *ssh.Request) error {
	if err := writeRequest(channel, r); err != nil {
		return fmt.Errorf("sending the command: %w", err)
	}
	first, ok := <-requests
	if !ok {
		return errors.New("the agent ended the session before the command was started")
	}
	if first.Type == refusedRequest {
		return refusal(first.Payload)
	}
	return nil
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
