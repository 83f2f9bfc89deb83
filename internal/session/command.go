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

// A Command is a command that was started in a session.
type Command struct {
	client  *Client
	channel ssh.Channel
	session uint32
	stderr  <-chan ssh.NewChannel // closed when none comes
	end     chan ending           // closed without a value when the connection was lost
	stopped chan struct{}         // has room for one stop: more would say no more
}

// The outputs of a command.
const (
	stdout = 1
	stderr = 2
)

// Signal sends a signal to the command's process group.
func (c *Command) Signal(s Signal) error {
	_, err := c.channel.SendRequest(signalRequest, false, ssh.Marshal(struct{ Name string }{string(s)}))
	return err
}

// Resize gives the command's terminal another size.
func (c *Command) Resize(s Size) error {
	_, err := c.channel.SendRequest(sizeRequest, false, ssh.Marshal(s))
	return err
}

// Stopped gets a value each time that the command was stopped, as by Ctrl-Z. The
// signal CONT continues it.
func (c *Command) Stopped() <-chan struct{} { return c.stopped }

// Suspend announces that this process is about to be stopped, so that the agent does
// not take its silence for its end.
func (c *Command) Suspend() { c.client.alive.suspend() }

// HostKey returns the agent's host key, which is the volume's.
func (c *Command) HostKey() ssh.PublicKey { return c.client.hostKey }

// Close ends the connection, and the command if it still runs.
func (c *Command) Close() error { return c.client.Close() }

// listen reads the agent's requests. The channel for stderr may arrive after the
// request "exit" that announces it.
func (c *Command) listen(requests <-chan *ssh.Request) {
	defer close(c.end)
	for request := range requests {
		var e ending
		switch {
		case request.Type == exitRequest && ssh.Unmarshal(request.Payload, &e) == nil:
			if !e.Stderr {
				c.client.forget(c.session)
			}
			c.end <- e
			return
		case request.Type == stoppedRequest:
			select {
			case c.stopped <- struct{}{}:
			default:
			}
		}
	}
	c.client.forget(c.session)
}

// Wait connects the caller's streams to the command, and returns how the command
// ended after all of its output was written. An output whose reader is gone is closed
// inside too, so that the command gets SIGPIPE. An output that cannot be written for
// another reason, such as a full disk, is an error at once; the command ends when its
// Client is closed.
func (c *Command) Wait(s Streams) (Exit, error) {
	in := feed(c.channel, s.In)
	written := make(chan error, 2)
	go func() { written <- c.deliver(s.Out, c.channel, stdout) }()
	go func() { written <- c.deliverStderr(s.Err) }()
	for range 2 {
		if err := <-written; err != nil {
			return Exit{}, fmt.Errorf("writing the command's output: %w", err)
		}
	}
	end, ok := <-c.end
	if !ok {
		return Exit{}, ErrLost
	}
	in.giveBack(end.Taken)
	return end.exit(), nil
}

func (c *Command) deliverStderr(to io.Writer) error {
	offered, ok := <-c.stderr
	if !ok {
		return nil // there was nothing on it
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		return nil // the connection has ended: Wait finds no exit
	}
	go ssh.DiscardRequests(requests)
	return c.deliver(to, channel, stderr)
}

// copyBuffer is the size of a buffer for copying: several packets.
const copyBuffer = 256 << 10

// deliver writes output until its end, or that of the connection: then Wait finds no
// exit.
func (c *Command) deliver(to io.Writer, from io.Reader, output uint32) error {
	buffer := make([]byte, copyBuffer)
	for {
		n, end := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); errors.Is(err, unix.EPIPE) {
				_, _ = c.channel.SendRequest(goneRequest, false, ssh.Marshal(struct{ Output uint32 }{output}))
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

// closeFile closes a pipe or a file when the command has closed its output, perhaps
// long before the command's own end. A terminal stays open: it is used again.
func closeFile(w io.Writer) {
	if f, ok := w.(*os.File); ok && f.Fd() != 2 { // errors are still to be printed there
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
			f.Close()
		}
	}
}

// OneFile reports whether stdout and stderr are the same file.
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

	mu    sync.Mutex // guards the file's position
	ended bool       // this process reads no more
}

// feed sends stdin and then its end. It outlives the command if the caller's stdin
// stays open, as a read cannot be interrupted.
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
			// It is no error that the command reads no more.
			_, _ = io.CopyBuffer(to, s, make([]byte, copyBuffer))
		}
		_ = to.CloseWrite()
	}()
	return s
}

func (s *source) Read(p []byte) (int, error) {
	if s.file == nil {
		return s.in.Read(p) // without the lock, as this may block for ever
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, io.EOF
	}
	return s.file.Read(p)
}

// giveBack moves a file's position to where the command has read, for the next reader:
// in `while read line; do nixproxy run …; done <list` that is the shell.
func (s *source) giveBack(taken uint64) {
	if s.file == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	_, _ = s.file.Seek(s.start+int64(taken), io.SeekStart)
}
