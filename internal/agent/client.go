package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// ErrLost is the error of a session whose connection ended before its command did.
var ErrLost = errors.New("the connection to the proxy container was lost while the command ran")

// A Client is a connection to an agent.
type Client struct {
	conn ssh.Conn
}

// Streams are the caller's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
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
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		// Both ends are ours and one release: what is fastest with AES in hardware.
		Config: ssh.Config{KeyExchanges: []string{ssh.KeyExchangeCurve25519}, Ciphers: []string{ssh.CipherAES128GCM}},
	}
	c, channels, requests, err := ssh.NewClientConn(conn, "agent", config)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to the agent: %w", err)
	}
	go ssh.DiscardRequests(requests)
	go rejectAll(channels)
	return &Client{conn: c}, nil
}

func rejectAll(channels <-chan ssh.NewChannel) {
	for c := range channels {
		_ = c.Reject(ssh.UnknownChannelType, "not offered") // the connection's end is noticed elsewhere
	}
}

// Close ends the connection, and with it what still runs on it.
func (c *Client) Close() error { return c.conn.Close() }

// A Running is a session whose command was started.
type Running struct {
	channel ssh.Channel
	exit    chan Exit // closed without a value when the connection was lost
}

// Start starts a command. A *Refused error says that it was not started;
// after any other error nobody knows, but the agent ends what it lost.
func (c *Client) Start(request Request) (*Running, error) {
	channel, requests, err := c.conn.OpenChannel(sessionChannel, nil)
	if err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
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
	r := &Running{channel: channel, exit: make(chan Exit, 1)}
	go r.awaitExit(requests)
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

func (r *Running) awaitExit(requests <-chan *ssh.Request) {
	defer close(r.exit)
	for request := range requests {
		var e Exit
		if request.Type == exitRequest && ssh.Unmarshal(request.Payload, &e) == nil {
			r.exit <- e
		}
	}
}

// Wait connects the caller's streams to the command and returns how it ended,
// after all of its output was written. Output that cannot be written, as to a
// full disk, is an error at once: the command ends with its Client.
func (r *Running) Wait(s Streams) (Exit, error) {
	go r.feed(s.In)
	written := make(chan error, 2)
	go func() { written <- deliver(s.Out, r.channel) }()
	go func() { written <- deliver(s.Err, r.channel.Stderr()) }()
	for range cap(written) {
		if err := <-written; err != nil {
			return Exit{}, fmt.Errorf("writing the command's output: %w", err)
		}
	}
	exit, ok := <-r.exit
	if !ok {
		return Exit{}, ErrLost
	}
	return exit, nil
}

// feed sends stdin and then its end. It outlives the command where the caller's
// stdin stays open, as nobody can take back a read.
func (r *Running) feed(in io.Reader) {
	if in != nil {
		_, _ = io.Copy(r.channel, in) // a command that reads no more is not an error
	}
	_ = r.channel.CloseWrite()
}

// deliver writes output until its end. The end of the connection is an end too,
// of which the missing exit tells.
func deliver(to io.Writer, from io.Reader) error {
	_, err := io.Copy(to, from)
	return err
}
