package input

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ErrGone is the cause of a context that WhileOpen has ended.
var ErrGone = errors.New("nobody waits for it any more")

// UntilEnd returns a context that ends with the input, and the input for a job that
// reads it later.
func UntilEnd(ctx context.Context, in io.Reader) (context.Context, io.Reader) {
	ctx, stop := context.WithCancel(ctx)
	read, write := io.Pipe()
	go func() {
		_, err := io.Copy(write, in)
		stop()
		write.CloseWithError(err)
	}()
	return ctx, read
}

// WhileOpen returns a context that ends when the other end of the input, a pipe, is
// closed. It reads nothing: the input is the job's.
func WhileOpen(ctx context.Context, in *os.File) context.Context {
	raw, err := in.SyscallConn()
	if err != nil {
		return ctx
	}
	ctx, stop := context.WithCancelCause(ctx)
	go raw.Control(func(fd uintptr) {
		if awaitHangup(fd) {
			stop(ErrGone)
		}
	})
	return ctx
}

// awaitHangup waits until the other end of a pipe is closed, which poll(2) reports
// even where no event is asked for. It returns false if it cannot wait.
func awaitHangup(fd uintptr) bool {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
