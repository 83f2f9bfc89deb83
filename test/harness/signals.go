//go:build linux && acceptance

package harness

import (
	"os"
	"os/signal"
	"syscall"
)

// DefaultSignals has what the tests start begin with the default of SIGHUP and
// SIGINT, also where the caller ignores them, as nohup and a script's background do.
// An ignored signal stays so in a child, and a shell cannot trap it; one with a
// handler is the default's again. signal.Reset does not help, as it brings back what was
// inherited. This process itself goes on ignoring them.
func DefaultSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
