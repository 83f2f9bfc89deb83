package jobs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// asked begins work in the anchor: it reads what is wanted as a line of JSON,
// occupies the volume until leave is called, and ends the context with the input:
// then nobody waits for the work any more, and an engine would take what nobody
// reads.
func asked(ctx context.Context, v layout.Volume, in io.Reader, want any) (_ context.Context, leave func(), err error) {
	lines := bufio.NewReader(in)
	if err := readLine(lines, want); err != nil {
		return nil, nil, fmt.Errorf("reading what is wanted: %w", err)
	}
	left, err := v.Occupy(layout.Underway)
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		stop()
	}()
	return ctx, func() { stop(); left() }, nil
}

// heard ends the context with the input of work that reads it, too.
func heard(ctx context.Context, in io.Reader) (context.Context, io.Reader) {
	ctx, stop := context.WithCancel(ctx)
	read, write := io.Pipe()
	go func() {
		_, err := io.Copy(write, in)
		stop()
		write.CloseWithError(err)
	}()
	return ctx, read
}

var errGone = errors.New("nobody waits for it any more")

// whileOpen ends the context when the other end of the input, a pipe, is closed.
// It reads nothing: what comes is for the work, when that is its turn.
func whileOpen(ctx context.Context, in *os.File) context.Context {
	raw, err := in.SyscallConn()
	if err != nil {
		return ctx
	}
	ctx, stop := context.WithCancelCause(ctx)
	go raw.Control(func(fd uintptr) {
		if closed(fd) {
			stop(errGone)
		}
	})
	return ctx
}

// closed waits for that. A pipe's end is told unasked (poll(2)).
func closed(fd uintptr) bool {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
