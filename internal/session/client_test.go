package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/session/sessiontest"
)

// A far is an agent of the test's own, which does with each session what the
// test wants.
type far struct {
	conn    *ssh.ServerConn
	hostKey ssh.Signer
}

// connection is the two ends of a connection on this machine. A net.Pipe will
// not do: both ends of an SSH connection begin with writing.
func connection(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if ours, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

func dialFar(t *testing.T, serve func(f *far, c ssh.NewChannel)) *Client {
	t.Helper()
	ours, theirs := connection(t)
	f := &far{hostKey: sessiontest.Signer(t)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.serve(theirs, serve)
	}()
	client, err := Connect(t.Context(), ours, f.hostKey.PublicKey(), sessiontest.Signer(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); <-ended })
	return client
}

func (f *far) serve(conn net.Conn, serve func(f *far, c ssh.NewChannel)) {
	defer conn.Close()
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(f.hostKey)
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	f.conn = server
	go ssh.DiscardRequests(requests)
	for c := range channels {
		serve(f, c)
	}
}

// accepted is a far's session that does something with the command's streams.
func accepted(act func(f *far, s *Session)) func(*far, ssh.NewChannel) {
	return func(f *far, c ssh.NewChannel) {
		s, requests, err := Accept(f.conn, c)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		act(f, s)
	}
}

func TestStartTellsARefusalFromALoss(t *testing.T) {
	for name, test := range map[string]struct {
		act  func(f *far, c ssh.NewChannel)
		want string
	}{
		"rejected": {func(_ *far, c ssh.NewChannel) { _ = c.Reject(ssh.Prohibited, "no") }, "opening a session"},
		"ended":    {accepted(func(_ *far, s *Session) { s.Close() }), "before the command was started"},
		"lost":     {accepted(func(f *far, _ *Session) { f.conn.Close() }), "before the command was started"},
		"garbled":  {accepted(func(_ *far, s *Session) { _, _ = s.SendRequest(refusedRequest, false, []byte("x")) }), "reading the agent's refusal"},
	} {
		_, err := dialFar(t, test.act).Start(Request{Argv: []string{"x"}})
		var refused *Refused
		if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	for reason := Failed; reason <= NoDirectory; reason++ {
		client := dialFar(t, accepted(func(_ *far, s *Session) { s.Refuse(&Refused{Reason: reason, Message: "why", Hint: "do"}) }))
		_, err := client.Start(Request{})
		var refused *Refused
		if !errors.As(err, &refused) || refused.Reason != reason || err.Error() != "why" || hint.Of(err) != "do" {
			t.Errorf("reason %d: got %v", reason, err)
		}
	}
}

// An agent of an earlier nixproxy sends no hint.
func TestRefusalWithoutHint(t *testing.T) {
	err := parseRefusal(ssh.Marshal(struct {
		Reason  uint32
		Message string
	}{uint32(NotFound), "why"}))
	var refused *Refused
	if !errors.As(err, &refused) || refused.Reason != NotFound || err.Error() != "why" || hint.Of(err) != "" {
		t.Errorf("got %v", err)
	}
}

func TestWaitReturnsAllOutputThenTheExit(t *testing.T) {
	client := dialFar(t, accepted(func(_ *far, s *Session) {
		_ = s.Started()
		stdin, _ := io.ReadAll(s)
		_, _ = s.Write(bytes.Repeat(stdin, 1000))
		_, _ = s.Stderr().Write([]byte("complaint"))
		s.Exit(Exit{Status: 3}, 0)
	}))
	running, err := client.Start(Request{Argv: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	var out, complaint bytes.Buffer
	exit, err := running.Wait(Streams{In: strings.NewReader(strings.Repeat("in", 100)), Out: &out, Err: &complaint})
	if err != nil || exit != (Exit{Status: 3}) || out.Len() != 200_000 || complaint.String() != "complaint" {
		t.Errorf("%+v, %v, %d bytes, %q", exit, err, out.Len(), &complaint)
	}
}

// A full disk must not look like a command that went well, nor be waited for.
func TestWaitTellsOfOutputThatCannotBeWritten(t *testing.T) {
	client := dialFar(t, accepted(func(_ *far, s *Session) {
		_ = s.Started()
		_, _ = s.Write(make([]byte, 100)) // and then nothing, not even an end
	}))
	running, err := client.Start(Request{})
	if err != nil {
		t.Fatal(err)
	}
	exit, err := running.Wait(Streams{Out: brokenWriter{}, Err: io.Discard})
	if !errors.Is(err, io.ErrClosedPipe) || !strings.Contains(err.Error(), "writing the command's output") {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestWaitTellsOfALoss(t *testing.T) {
	for name, act := range map[string]func(*far, *Session){
		"the connection": func(f *far, s *Session) { _, _ = s.Write([]byte("some")); f.conn.Close() },
		"the session":    func(_ *far, s *Session) { _, _ = s.Write([]byte("some")); s.Close() },
		"a garbled exit": func(_ *far, s *Session) {
			_, _ = s.Write([]byte("some"))
			_, _ = s.SendRequest(exitRequest, false, []byte{1})
			s.Close()
		},
	} {
		client := dialFar(t, accepted(func(f *far, s *Session) { _ = s.Started(); act(f, s) }))
		running, err := client.Start(Request{})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := running.Wait(Streams{Out: &out, Err: io.Discard}); !errors.Is(err, ErrLost) || out.String() != "some" {
			t.Errorf("%s was lost: got %v after %q", name, err, &out)
		}
	}
}

func TestConnectChecksTheHostKey(t *testing.T) {
	ours, theirs := connection(t)
	f := &far{hostKey: sessiontest.Signer(t)}
	ended := make(chan struct{})
	go func() { defer close(ended); f.serve(theirs, func(*far, ssh.NewChannel) {}) }()
	if _, err := Connect(t.Context(), ours, sessiontest.Signer(t).PublicKey(), sessiontest.Signer(t)); err == nil || !strings.Contains(hint.Text(err), "its host key is not the volume's\nhint: `nixproxy stop`") {
		t.Errorf("got %v", err)
	}
	<-ended // Connect has closed the connection
}

// An engine's forwarder may accept with nothing behind.
func TestConnectEndsWithItsContext(t *testing.T) {
	ours, theirs := connection(t)
	defer theirs.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = theirs.Read(make([]byte, 1)) // the client has begun
		cancel()
	}()
	if _, err := Connect(ctx, ours, sessiontest.Signer(t).PublicKey(), sessiontest.Signer(t)); err == nil {
		t.Error("connected to nothing")
	}
	if _, err := ours.Write([]byte("x")); err == nil {
		t.Error("the connection was left open")
	}
}

func TestClientOffersNoChannels(t *testing.T) {
	asked := make(chan error, 1)
	client := dialFar(t, accepted(func(f *far, s *Session) {
		_, _, err := f.conn.OpenChannel("x", nil)
		asked <- err
		s.Refuse(&Refused{Reason: Failed, Message: "done"})
	}))
	_, _ = client.Start(Request{})
	if err := <-asked; err == nil {
		t.Error("the client opened a channel for the agent")
	}
}
