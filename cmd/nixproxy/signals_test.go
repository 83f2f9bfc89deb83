package main

import (
	"context"
	"os"
	"os/signal"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func raise(t *testing.T, s unix.Signal) {
	t.Helper()
	if err := unix.Kill(unix.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

// heedEnding has this process get the signals that end nixproxy, also those that its
// caller ignores, as nohup and a script's background do: signal.Ignored then tells so,
// and nixproxy leaves them alone. signal.Reset brings back what was inherited, so
// only a Notify that lasts undoes it.
func heedEnding(t *testing.T) {
	t.Helper()
	all := make(chan os.Signal, 1)
	for _, s := range ending {
		signal.Notify(all, s)
	}
	t.Cleanup(func() { signal.Stop(all) })
}

func comes(t *testing.T, from <-chan os.Signal, want unix.Signal) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Errorf("%v came, not %v", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%v did not come", want)
	}
}

func TestASignalEndsNixproxyBeforeTheCommand(t *testing.T) {
	heedEnding(t)
	for _, want := range ending {
		ctx, signals := withSignals()
		raise(t, want)
		<-ctx.Done()
		if s, ok := signalOf(ctx); !ok || s != want {
			t.Errorf("ended by %v, %v", s, context.Cause(ctx))
		}
		signals.stop()
	}
}

func TestSignalsAreTheCommandsOnceItRuns(t *testing.T) {
	heedEnding(t)
	ctx, signals := withSignals()
	defer signals.stop()
	came := signals.take()
	for range 3 {
		for _, s := range append(append([]unix.Signal{}, ending...), onlyForwarded...) {
			raise(t, s)
			comes(t, came, s)
		}
	}
	if ctx.Err() != nil {
		t.Errorf("the context has ended: %v", context.Cause(ctx))
	}
	signals.hangUp()
	if s, _ := signalOf(ctx); s != unix.SIGHUP {
		t.Errorf("hung up by %v", s)
	}
}

// Go ends a program that writes to a pipe without a reader as its stdout.
func TestAWriteToNobodyIsAnError(t *testing.T) {
	_, signals := withSignals()
	defer signals.stop()
	came := signals.take()
	raise(t, unix.SIGPIPE) // which would have ended this test
	raise(t, unix.SIGUSR1)
	comes(t, came, unix.SIGUSR1)
}

func TestNamesOfSignals(t *testing.T) {
	for s, want := range map[unix.Signal]string{unix.SIGINT: "INT", unix.SIGUSR1: "USR1", unix.SIGCONT: "CONT", unix.SIGTSTP: "TSTP"} {
		if got := nameOf(s); string(got) != want {
			t.Errorf("%d is %s, not %s", s, got, want)
		}
	}
}
