package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
)

// A Stream is the standard streams of a process in a container, as one
// connection: Read gives its stdout, Write feeds its stdin. What it writes to
// stderr is kept for an error's text.
type Stream struct {
	net.Conn // addresses and deadlines
	in       io.Reader
	left     int // bytes of stdout left in the frame being read
	stderr   bytes.Buffer
	hijacked types.HijackedResponse
	exec     string
	engine   *Engine
	unwatch  context.CancelFunc // ends what watches over a bridge
}

// maxStderr bounds what is kept of a process's stderr.
const maxStderr = 16 << 10

func (e *Engine) stream(hijacked types.HijackedResponse, exec string) *Stream {
	return &Stream{Conn: hijacked.Conn, in: hijacked.Reader, hijacked: hijacked, exec: exec, engine: e}
}

// Exec starts a command in a running container. It costs two requests.
// IsNotFound and IsConflict tell that there is no such container, or that it
// does not run.
func (e *Engine) Exec(ctx context.Context, id string, argv ...string) (*Stream, error) {
	created, err := e.api.ContainerExecCreate(ctx, id, container.ExecOptions{
		Cmd: argv, User: "0:0", AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, fmt.Errorf("executing %s in container %s: %w", argv[0], id, plainly(err))
	}
	hijacked, err := e.api.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("executing %s in container %s: %w", argv[0], id, plainly(err))
	}
	return e.stream(hijacked, created.ID), nil
}

// Output runs a command in a container to its end, feeding it stdin, and
// returns its stdout. A command that fails is an error with its stderr.
func (e *Engine) Output(ctx context.Context, id string, stdin string, argv ...string) ([]byte, error) {
	s, err := e.Bridge(ctx, id, argv...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	// Beside the reading: Docker 20.10 lets go of who feeds a program that has
	// ended only up to two minutes later, but tells at once that its output has.
	go func() {
		if _, err := io.WriteString(s, stdin); err == nil {
			_ = s.CloseWrite()
		}
	}()
	output, err := io.ReadAll(s)
	ended := s.Ended(ctx, argv[0])
	if said := (*ExitError)(nil); err != nil && !errors.As(ended, &said) { // Podman's connection ends with an error when not all was read
		return nil, fmt.Errorf("reading from %s in container %s: %w", argv[0], id, plainly(err))
	}
	if ended != nil {
		return nil, ended
	}
	return output, nil
}

// Ended tells, once the stdout of an executed program has ended, how the program
// did: an *ExitError if it failed.
func (s *Stream) Ended(ctx context.Context, program string) error {
	result, err := s.engine.api.ContainerExecInspect(ctx, s.exec)
	if err != nil {
		return fmt.Errorf("asking how %s ended: %w", program, plainly(err))
	}
	if result.ExitCode != 0 {
		return &ExitError{Program: program, Status: result.ExitCode, Stderr: s.Stderr()}
	}
	return nil
}

// An ExitError says that a program which was executed in a container failed.
type ExitError struct {
	Program string
	Status  int
	Stderr  string
}

func (e *ExitError) Error() string {
	if e.Stderr != "" {
		return e.Stderr
	}
	return fmt.Sprintf("%s ended with status %d and said nothing", e.Program, e.Status)
}

// Attach connects to a created container's streams before it is started: to its
// stdin too, if it was created with one.
func (e *Engine) Attach(ctx context.Context, id string) (*Stream, error) {
	hijacked, err := e.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, fmt.Errorf("attaching to container %s: %w", id, plainly(err))
	}
	return e.stream(hijacked, ""), nil
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
		} else if err := s.keep(size); err != nil {
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

// keep takes a frame of stderr, of which only so much is of use.
func (s *Stream) keep(size int) error {
	kept := min(size, maxStderr-s.stderr.Len())
	_, err := io.CopyN(&s.stderr, s.in, int64(kept))
	if err == nil {
		_, err = io.CopyN(io.Discard, s.in, int64(size-kept))
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Stderr is what the process wrote to stderr before its stdout's end.
func (s *Stream) Stderr() string { return fullDisk(strings.TrimSpace(s.stderr.String())) }

// CloseWrite tells the process that its stdin has ended.
func (s *Stream) CloseWrite() error { return s.hijacked.CloseWrite() }

// Close lets go of the process, which may go on.
func (s *Stream) Close() error {
	if s.unwatch != nil {
		s.unwatch()
	}
	s.hijacked.Close()
	return nil
}
