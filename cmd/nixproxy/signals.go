package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return i.signal.String() }

// withSignals returns a context that ends with the first signal that asks
// nixproxy to end, so that nothing half-made is left. The second one forces it.
func withSignals() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup, and jobs that a script put in the background
			signal.Notify(signals, s)
		}
	}
	go func() {
		for s := range signals {
			if ctx.Err() != nil {
				os.Exit(128 + int(s.(syscall.Signal)))
			}
			cancel(interrupted{s.(syscall.Signal)})
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// signalOf tells which signal ended the context.
func signalOf(ctx context.Context) (syscall.Signal, bool) {
	var i interrupted
	ok := errors.As(context.Cause(ctx), &i)
	return i.signal, ok
}
