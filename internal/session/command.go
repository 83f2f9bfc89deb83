package session

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// Streams are the caller's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// A Running is a session whose command was started.
type Running struct {
	client  *Client
	channel ssh.Channel
	session uint32
	stderr  <-chan ssh.NewChannel // closed when none comes
	end     chan ending           // closed without a value when the connection was lost
	stopped chan struct{}         // of one element: the latest stop is all that matters
}

// The outputs of a command.
const (
	stdout = 1
	stderr = 2
)

// Signal sends a signal to the command and its children: its process group.
func (r *Running) Signal(s Signal) error {
	_, err := r.channel.SendRequest(signalRequest, false, ssh.Marshal(struct{ Name string }{string(s)}))
	return err
}

// Resize gives the command's terminal another size.
func (r *Running) Resize(s Size) error {
	_, err := r.channel.SendRequest(sizeRequest, false, ssh.Marshal(s))
	return err
}

// Stopped tells each time that the command was stopped, as Ctrl-Z does; the
// signal CONT lets it go on.
func (r *Running) Stopped() <-chan struct{} { return r.stopped }

// Suspend tells the agent that this process is about to be stopped, so that its
// silence is no sign of its end.
func (r *Running) Suspend() { r.client.alive.suspend() }

// HostKey is the key by which the agent has proved to be the right one.
func (r *Running) HostKey() ssh.PublicKey { return r.client.hostKey }

// Close ends the connection, and the command if it still runs.
func (r *Running) Close() error { return r.client.Close() }

// listen takes what the agent says besides the streams. A channel for stderr that
// the end speaks of may still be on its way.
func (r *Running) listen(requests <-chan *ssh.Request) {
	defer close(r.end)
	for request := range requests {
		var e ending
		switch {
		case request.Type == exitRequest && ssh.Unmarshal(request.Payload, &e) == nil:
			if !e.Stderr {
				r.client.forget(r.session)
			}
			r.end <- e
			return
		case request.Type == stoppedRequest:
			select {
			case r.stopped <- struct{}{}:
			default:
			}
		}
	}
	r.client.forget(r.session)
}

// Wait connects the caller's streams to the command and returns how it ended,
// after all of its output was written. An output whose reader is gone is closed
// inside too, where the command meets SIGPIPE; one that cannot be written for
// another reason, as to a full disk, is an error at once: the command ends with
// its Client.
func (r *Running) Wait(s Streams) (Exit, error) {
	in := feed(r.channel, s.In)
	written := make(chan error, 2)
	go func() { written <- r.deliver(s.Out, r.channel, stdout) }()
	go func() { written <- r.deliverStderr(s.Err) }()
	for range 2 {
		if err := <-written; err != nil {
			return Exit{}, fmt.Errorf("writing the command's output: %w", err)
		}
	}
	end, ok := <-r.end
	if !ok {
		return Exit{}, ErrLost
	}
	in.giveBack(end.Taken)
	return end.exit(), nil
}

func (r *Running) deliverStderr(to io.Writer) error {
	offered, ok := <-r.stderr
	if !ok {
		return nil // there was nothing on it
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		return nil // the connection's end, of which the missing exit tells
	}
	go ssh.DiscardRequests(requests)
	return r.deliver(to, channel, stderr)
}

// copyBuffer is what one turn of a copy takes: several packets.
const copyBuffer = 256 << 10

// deliver writes output until its end. The end of the connection is an end too,
// of which the missing exit tells.
func (r *Running) deliver(to io.Writer, from io.Reader, output uint32) error {
	buffer := make([]byte, copyBuffer)
	for {
		n, end := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); errors.Is(err, unix.EPIPE) {
				_, _ = r.channel.SendRequest(goneRequest, false, ssh.Marshal(struct{ Output uint32 }{output}))
				_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, from, buffer)
				return nil
			} else if err != nil {
				return err
			}
		}
		if end != nil {
			closeFile(to)
			return nil
		}
	}
}

// closeFile ends a pipe or a file as the command did, perhaps long before its own
// end. A terminal is used again.
func closeFile(w io.Writer) {
	if f, ok := w.(*os.File); ok && f.Fd() != 2 { // where errors are told
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
			f.Close()
		}
	}
}

// OneFile tells whether a command's stdout and stderr go to the same place.
func (s Streams) OneFile() bool {
	out, ok := s.Out.(*os.File)
	err, too := s.Err.(*os.File)
	if !ok || !too {
		return false
	}
	a, failed := out.Stat()
	b, failedToo := err.Stat()
	return failed == nil && failedToo == nil && os.SameFile(a, b)
}

// A source is the caller's stdin.
type source struct {
	in    io.Reader
	file  *os.File // when it can be read again: a regular file
	start int64

	mu    sync.Mutex // over a file's place
	ended bool       // this process reads no more
}

// feed sends stdin and then its end. It outlives the command where the caller's
// stdin stays open, as nobody can take back a read.
func feed(to ssh.Channel, in io.Reader) *source {
	s := &source{in: in}
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil {
				s.file, s.start = f, at
			}
		}
	}
	go func() {
		if in != nil {
			// A command that reads no more is not an error.
			_, _ = io.CopyBuffer(to, s, make([]byte, copyBuffer))
		}
		_ = to.CloseWrite()
	}()
	return s
}

func (s *source) Read(p []byte) (int, error) {
	if s.file == nil {
		return s.in.Read(p) // which may take for ever
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, io.EOF
	}
	return s.file.Read(p)
}

// giveBack leaves a file where the command left it, for who reads on: in
// `while read line; do nixproxy run …; done <list` that is the shell.
func (s *source) giveBack(taken uint64) {
	if s.file == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	_, _ = s.file.Seek(s.start+int64(taken), io.SeekStart)
}
