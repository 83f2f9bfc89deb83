package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/volume"
)

func TestTransient(t *testing.T) {
	for err, want := range map[error]bool{
		nil:                              false,
		context.Canceled:                 false,
		errors.New("no such container"):  true,
		&refusedLimits{errors.New("no")}: false,
		fmt.Errorf("looking: %w", &session.Refused{Reason: session.Unstamped}):   true,
		fmt.Errorf("looking: %w", &session.Refused{Reason: session.NoDirectory}): false,
		fmt.Errorf("syncing: %w", &volume.HeldError{}):                           false,
		fmt.Errorf("asking: %w", &volume.UnusableError{Err: io.EOF}):             false,
		fmt.Errorf("mounting: %w", &misMount{}):                                  false,
		errors.New("bind source path does not exist: /p"):                        false,
	} {
		if got := transient(err); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

// An engine that has not noticed the end of a container calls it running, and
// executes nothing in it.
func TestEnded(t *testing.T) {
	for name, test := range map[string]struct {
		running bool
		status  int // of what is executed
		ended   bool
	}{
		"it runs":                          {true, 0, false},
		"it runs, and its agent is old":    {true, 2, false},
		"it has ended":                     {false, 0, true},
		"it has ended, which is not known": {true, 126, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := enginetest.New(t)
			state := map[bool]string{true: "running", false: "exited"}[test.running]
			c := e.Add(engine.Container{Name: "c", State: state})
			e.Program(agentapi.ModeDescribe, enginetest.Answer(func(string) (stdout, stderr string, status int) { return "", "", test.status }))
			if ended(t.Context(), e, "", "") {
				t.Error("no container was counted on, and one has ended")
			}
			if got := ended(t.Context(), e, "", c.ID); got != test.ended {
				t.Errorf("%s: ended: %v", name, got)
			}
		})
	}
}
