package session

import (
	"io"
	"sync"

	"golang.org/x/crypto/ssh"
)

// A Session is the agent's end of a session. Read gives the command's stdin, and Write
// takes its stdout.
type Session struct {
	Request Request
	ssh.Channel
	stderr lazyStderr
}

// Accept accepts a session's channel and reads its Request. What follows on the
// channel is the command's stdin.
func Accept(conn ssh.Conn, c ssh.NewChannel) (*Session, <-chan *ssh.Request, error) {
	channel, requests, err := c.Accept()
	if err != nil {
		return nil, nil, err
	}
	request, err := readRequest(channel)
	if err != nil {
		channel.Close()
		return nil, nil, err
	}
	s := &Session{Request: request, Channel: channel, stderr: lazyStderr{conn: conn, session: request.Session}}
	return s, requests, nil
}

// A Message is what a client sends while the command runs. One field is set.
type Message struct {
	Signal Signal
	Size   *Size
	Gone   int // the output that nobody reads any more: 1 or 2
}

// ParseMessage reads a client's request, of a session of ours or a standard one. It
// returns false if the request is no Message.
func ParseMessage(request *ssh.Request) (Message, bool) {
	var signal struct{ Name string }
	var size Size
	var gone struct{ Output uint32 }
	switch request.Type {
	case signalRequest:
		err := ssh.Unmarshal(request.Payload, &signal)
		return Message{Signal: Signal(signal.Name)}, err == nil
	case sizeRequest:
		err := ssh.Unmarshal(request.Payload, &size)
		return Message{Size: &size}, err == nil
	case goneRequest:
		err := ssh.Unmarshal(request.Payload, &gone)
		return Message{Gone: int(gone.Output)}, err == nil
	}
	return Message{}, false
}

// Started tells the client that the command runs.
func (s *Session) Started() error {
	_, err := s.SendRequest(startedRequest, false, nil)
	return err
}

// Stopped tells the client that the command was stopped.
func (s *Session) Stopped() { _, _ = s.SendRequest(stoppedRequest, false, nil) }

// Refuse tells the client why no command was started, and ends the session.
func (s *Session) Refuse(r *Refused) {
	// A client that is gone needs no answer.
	_, _ = s.SendRequest(refusedRequest, false, ssh.Marshal(refusal{Reason: uint32(r.Reason), Message: r.Message, Hint: []byte(r.Hint)}))
	s.Close()
}

// Exit tells the client how the command ended and how many bytes of stdin it has
// read, and ends the session. All of the command's output must have been written.
func (s *Session) Exit(e Exit, taken uint64) {
	_, _ = s.SendRequest(exitRequest, false, ssh.Marshal(ending{
		Status: e.Status, Signal: e.Signal, OutOfMemory: e.OutOfMemory, Stderr: s.stderr.finish(), Taken: taken,
	}))
	s.Close()
}

// Stderr returns where the command's stderr is written.
func (s *Session) Stderr() io.Writer { return &s.stderr }

// A lazyStderr opens the channel for stderr with the first byte, so that a command
// without stderr does not pay for it.
type lazyStderr struct {
	conn    ssh.Conn
	session uint32

	once    sync.Once
	channel ssh.Channel
	err     error
}

func (l *lazyStderr) open() {
	var requests <-chan *ssh.Request
	l.channel, requests, l.err = l.conn.OpenChannel(stderrChannel, ssh.Marshal(struct{ Session uint32 }{l.session}))
	if l.err == nil {
		go ssh.DiscardRequests(requests)
	}
}

func (l *lazyStderr) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	l.once.Do(l.open)
	if l.err != nil {
		return 0, l.err
	}
	return l.channel.Write(p)
}

// finish ends the channel, and reports whether there was one.
func (l *lazyStderr) finish() bool {
	if l.channel == nil {
		return false
	}
	_ = l.channel.CloseWrite()
	return true
}
