package server

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// The agent of these tests is this binary, and so are its supervisors.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == agentapi.ModeSupervise {
		if err := Supervise(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	defaultSignals()
	os.Exit(m.Run())
}

// defaultSignals makes commands begin with the default of SIGHUP and SIGINT, even if the
// caller of this test ignores them, as nohup and a script's background do: a child inherits
// an ignored signal, but not a handler.
func defaultSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
