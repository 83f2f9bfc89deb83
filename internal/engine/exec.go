package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
)

const (
	// watchAfter is when an exec has run long enough to be watched over, so that
	// short ones do not pay for it.
	watchAfter = time.Second
	// lastWords is the time for what a dead container's processes wrote to arrive.
	lastWords = 500 * time.Millisecond
)

// Exec starts a command in a running container and returns its streams. It costs
// two requests. IsNotFound and IsConflict tell that there is no such container,
// or that it does not run.
//
// The stream is closed when the container ends. An engine may leave an exec's
// connection open then (seen with Docker 20.10, whose exec'd process was gone),
// and whoever reads from it would wait for ever.
func (e *Engine) Exec(ctx context.Context, id string, argv ...string) (*Stream, error) {
	s, err := e.startExec(ctx, id, argv)
	if err != nil {
		return nil, fmt.Errorf("executing %s in container %s: %w", argv[0], id, plainly(err))
	}
	watch, cancel := context.WithCancel(ctx)
	s.unwatch = cancel
	go func() {
		select {
		case <-watch.Done():
			return
		case <-time.After(watchAfter):
		}
		if e.wait(watch, id, container.WaitConditionNotRunning) != nil {
			return // the reader learns of the connection's own end
		}
		time.Sleep(lastWords)
		s.Close()
	}()
	return s, nil
}

func (e *Engine) startExec(ctx context.Context, id string, argv []string) (*Stream, error) {
	created, err := e.api.ContainerExecCreate(ctx, id, container.ExecOptions{
		Cmd: argv, User: "0:0", AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, err
	}
	hijacked, err := e.api.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	return NewStream(hijacked.Conn, hijacked.Reader, func(ctx context.Context) (int, error) {
		result, err := e.api.ContainerExecInspect(ctx, created.ID)
		return result.ExitCode, err
	}), nil
}

// Output runs a command in a container to its end, feeding it stdin, and
// returns its stdout. A command that fails is an *ExitError with its stderr.
func (e *Engine) Output(ctx context.Context, id string, stdin string, argv ...string) ([]byte, error) {
	s, err := e.Exec(ctx, id, argv...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.output(ctx, id, stdin, argv[0])
}

// output feeds a program stdin and reads its stdout to the end.
func (s *Stream) output(ctx context.Context, id, stdin, program string) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	// In a goroutine of its own: Docker 20.10 may block a write to a program that
	// has ended for two minutes, but ends the program's output at once.
	go func() {
		if _, err := io.WriteString(s, stdin); err == nil {
			_ = s.CloseWrite()
		}
	}()
	output, err := io.ReadAll(s)
	ended := s.Ended(ctx, program)
	if failed := (*ExitError)(nil); err != nil && !errors.As(ended, &failed) { // Podman's connection ends with an error when not all was read
		return nil, fmt.Errorf("reading from %s in container %s: %w", program, id, plainly(err))
	}
	if ended != nil {
		return nil, ended
	}
	return output, nil
}

// An ExitError says that a program which was executed in a container failed.
type ExitError struct {
	Program string
	Status  int
	Err     error // what it wrote on stderr, with its hint; nil: nothing
}

func (e *ExitError) Unwrap() error { return e.Err }

func (e *ExitError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s ended with status %d and said nothing", e.Program, e.Status)
}
