package server

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/nixproxy/nixproxy/internal/session"
)

// A stdio is a command's stdin, stdout and stderr, from the agent's side.
type stdio struct {
	in       io.WriteCloser
	out, err *output     // err is nil if out has both outputs
	pipe     [2]*os.File // the two ends of stdin, if it is a pipe
	theirs   [3]*os.File // the command's ends, until it has been started

	mu    sync.Mutex // guards given, and is held while stdin is written
	given uint64     // bytes of stdin so far
}

// openStdio opens a terminal like the caller's, or pipes. With oneFile both outputs are
// one pipe.
func openStdio(like *session.Terminal, oneFile bool) (s *stdio, err error) {
	s = &stdio{}
	if like != nil {
		err = s.openTerminal(*like)
	} else {
		err = s.openPipes(oneFile)
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

func (s *stdio) openPipes(oneFile bool) (err error) {
	if s.pipe[0], s.pipe[1], err = os.Pipe(); err != nil {
		return err
	}
	widen(s.pipe[1])
	s.theirs[0], s.in = s.pipe[0], s.pipe[1]
	if s.out, s.theirs[1], err = outputPipe(); err != nil {
		return err
	}
	if s.theirs[2] = s.theirs[1]; oneFile {
		return nil
	}
	s.err, s.theirs[2], err = outputPipe()
	return err
}

func (s *stdio) openTerminal(like session.Terminal) error {
	ours, theirs, err := openTerminal(like)
	if err != nil {
		return err
	}
	s.in, s.out = hangUp{ours}, &output{file: ours, terminal: true}
	s.theirs = [3]*os.File{theirs, theirs, theirs}
	if like.StderrApart {
		s.err, s.theirs[2], err = outputPipe()
	}
	return err
}

// A hangUp ends a terminal's input as a user does, by Ctrl-D: its output goes on.
type hangUp struct{ *os.File }

func (h hangUp) Close() error {
	const endOfTransmission = "\x04"
	_, err := h.WriteString(endOfTransmission)
	return err
}

// started closes the command's ends, except for stdin: that tells later how many bytes
// the command has not read.
func (s *stdio) started() {
	for _, f := range s.theirs {
		if f != nil && f != s.pipe[0] {
			f.Close() // a file of both outputs is closed twice, which does no harm
		}
	}
}

// abandon closes everything of a command that was not started.
func (s *stdio) abandon() {
	s.started()
	for _, o := range []*output{s.out, s.err} {
		if o != nil {
			o.close()
		}
	}
	s.closeStdin()
}

func (s *stdio) closeStdin() {
	for _, f := range s.pipe {
		if f != nil {
			f.Close()
		}
	}
}

// feed writes the command's stdin, and then ends it. It is no error that the command
// stops reading.
func (s *stdio) feed(from io.Reader) {
	buffer := make([]byte, bufferSize)
	for {
		n, err := from.Read(buffer)
		if s.give(buffer[:n]) != nil {
			return
		}
		if err != nil {
			_ = s.in.Close()
			return
		}
	}
}

func (s *stdio) give(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.in.Write(p)
	s.given += uint64(n)
	return err
}

// taken ends stdin, and returns how many bytes of it the command has read. A terminal does
// not tell that: all bytes count as read.
func (s *stdio) taken() uint64 {
	if s.pipe[0] == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.given
	}
	_ = s.pipe[1].SetWriteDeadline(time.Now()) // it ends a write that waits for its reader
	s.mu.Lock()
	defer s.mu.Unlock()
	left := 0
	if raw, err := s.pipe[0].SyscallConn(); err == nil {
		left = pending(raw)
	}
	s.closeStdin()
	return s.given - uint64(left)
}
