package main

import (
	"context"
	"errors"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/session"
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal unix.Signal }

func (i interrupted) Error() string { return i.signal.String() }

// signalOf returns the signal that ended the context, if one did.
func signalOf(ctx context.Context) (unix.Signal, bool) {
	var i interrupted
	ok := errors.As(context.Cause(ctx), &i)
	return i.signal, ok
}

var (
	// ending are the signals that end a process by default. Go would ignore the last two,
	// and print a list of goroutines for QUIT.
	ending = []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2}
	// onlyForwarded are the signals that mean nothing to nixproxy itself.
	onlyForwarded = []unix.Signal{unix.SIGTSTP, unix.SIGCONT}
	// fatal are the signals that end this process whatever it does. It restores the
	// terminal first, where it can (not after a fault of its own).
	fatal = []unix.Signal{unix.SIGABRT, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGSEGV, unix.SIGSYS, unix.SIGTRAP}
)

// signals are those that this process gets. They are nixproxy's own until a command has
// been started, and the command's from then on.
type signals struct {
	came     chan os.Signal
	end      context.CancelCauseFunc
	started  chan struct{} // closed when a command takes them
	unheeded chan struct{} // closed when they are nixproxy's no more
}

// withSignals returns a context that ends with the first signal that asks
// nixproxy to end, so that nothing half-made is left. The second one forces it.
func withSignals() (context.Context, *signals) {
	ctx, cancel := context.WithCancelCause(context.Background())
	// Room for each of them at once.
	s := &signals{came: make(chan os.Signal, 32), end: cancel, started: make(chan struct{}), unheeded: make(chan struct{})}
	s.listen(ending...)
	go s.heed(ctx)
	return ctx, s
}

// listen registers signals, except those that the caller ignores: nohup does, and so do
// jobs that a script put in the background.
func (s *signals) listen(to ...unix.Signal) {
	for _, one := range to {
		if !signal.Ignored(one) {
			signal.Notify(s.came, one)
		}
	}
}

func (s *signals) heed(ctx context.Context) {
	defer close(s.unheeded)
	for {
		select {
		case <-s.started:
			return
		case came := <-s.came:
			if ctx.Err() != nil {
				os.Exit(statusBySignal + int(came.(unix.Signal)))
			}
			s.end(interrupted{came.(unix.Signal)})
		}
	}
}

// take gives the signals to a command that has been started. From now on a write to a
// pipe that nobody reads is an error, which the command is told of, and does not end
// nixproxy.
func (s *signals) take() <-chan os.Signal {
	close(s.started)
	<-s.unheeded
	s.listen(onlyForwarded...)
	s.listen(fatal...)
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE) // not ignored, as that would be inherited
	return s.came
}

// hangUp ends nixproxy, and so the command, as SIGHUP does.
func (s *signals) hangUp() { s.end(interrupted{unix.SIGHUP}) }

// stop gives the signals back to the kernel.
func (s *signals) stop() {
	signal.Stop(s.came)
	s.end(nil)
}

// nameOf returns the name of a signal. Names are the same on every system, numbers
// differ.
func nameOf(s unix.Signal) session.Signal { return session.Signal(unix.SignalName(s)[len("SIG"):]) }
