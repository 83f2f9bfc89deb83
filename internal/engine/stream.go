package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// A Stream is the standard streams of a process in a container, as one
// connection: Read gives its stdout, Write feeds its stdin. What the process
// writes to stderr is kept for an error's text.
type Stream struct {
	net.Conn // addresses and deadlines
	in       io.Reader
	left     int // bytes of stdout left in the frame being read
	stderr   bytes.Buffer
	exited   func(context.Context) (int, error)
	unwatch  context.CancelFunc // ends what watches over an exec's stream
}

// maxStderr bounds what is kept of a process's stderr.
const maxStderr = 16 << 10

// NewStream returns the streams of a process behind a connection in the engine's
// stream format. in reads from the connection, after what is buffered of it
// already; exited asks for the status that the process ended with.
func NewStream(conn net.Conn, in io.Reader, exited func(context.Context) (int, error)) *Stream {
	return &Stream{Conn: conn, in: in, exited: exited}
}

// Read reads stdout, taking the engine's frames apart: a byte for the stream,
// three of nothing, four for the length (Engine API, "Stream format").
func (s *Stream) Read(p []byte) (int, error) {
	for s.left == 0 {
		var header [8]byte
		if _, err := io.ReadFull(s.in, header[:]); err != nil {
			return 0, err
		}
		size := int(binary.BigEndian.Uint32(header[4:]))
		if header[0] == 1 {
			s.left = size
		} else if err := s.readStderr(size); err != nil {
			return 0, err
		}
	}
	n, err := s.in.Read(p[:min(len(p), s.left)])
	s.left -= n
	if err == io.EOF && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readStderr reads a frame of stderr, and keeps it as far as there is room.
func (s *Stream) readStderr(size int) error {
	kept := min(size, maxStderr-s.stderr.Len())
	_, err := io.CopyN(&s.stderr, s.in, int64(kept))
	if err == nil {
		_, err = io.CopyN(io.Discard, s.in, int64(size-kept))
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Failure returns what the process wrote to stderr before its stdout's end, as an
// error with the process's hint, or nil if it wrote nothing.
func (s *Stream) Failure() error { return processError(s.stderr.String()) }

// Ended tells, once the stdout of an executed program has ended, how the program
// did: an *ExitError if it failed.
func (s *Stream) Ended(ctx context.Context, program string) error {
	status, err := s.exited(ctx)
	if err != nil {
		return fmt.Errorf("asking how %s ended: %w", program, plainly(err))
	}
	if status != 0 {
		return &ExitError{Program: program, Status: status, Err: s.Failure()}
	}
	return nil
}

// CloseWrite tells the process that its stdin has ended. It does nothing on a
// connection that cannot be closed in one direction.
func (s *Stream) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close lets go of the process, which may go on.
func (s *Stream) Close() error {
	if s.unwatch != nil {
		s.unwatch()
	}
	_ = s.Conn.Close() // what is left of it is of no use
	return nil
}
