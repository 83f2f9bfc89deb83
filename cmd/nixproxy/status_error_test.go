package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/session"
)

func TestStatusOf(t *testing.T) {
	refused := func(r session.Reason) error { return fmt.Errorf("x: %w", &session.Refused{Reason: r}) }
	wrong := usage(&cobra.Command{Use: "nixproxy"}, "x")
	alive := context.Background()
	cancelled, cancel := context.WithCancelCause(alive)
	cancel(interrupted{unix.SIGTERM})
	given, give := context.WithCancelCause(alive)
	give(errors.New("something else"))
	for _, test := range []struct {
		name      string
		ctx       context.Context
		err       error
		run, rest int
		by        string
	}{
		{"well", alive, nil, 0, 0, byOwn},
		{"the command's 0", alive, commandEnd{}, 0, 0, byCommand},
		{"the command's 1", alive, commandEnd{Status: 1}, 1, 1, byCommand},
		{"the command's 125", alive, commandEnd{Status: 125}, 125, 125, byCommand},
		{"the command's 255", alive, commandEnd{Status: 255}, 255, 255, byCommand},
		{"SIGINT's", alive, commandEnd{Signal: 2}, 130, 130, byCommand},
		{"SIGKILL's", alive, commandEnd{Signal: 9}, 137, 137, byCommand},
		{"not found", alive, refused(session.NotFound), 127, 1, byOwn},
		{"not executable", alive, refused(session.NotExecutable), 126, 1, byOwn},
		{"no directory", alive, refused(session.NoDirectory), 125, 1, byOwn},
		{"unstamped", alive, refused(session.Unstamped), 125, 1, byOwn},
		{"the agent failed", alive, refused(session.Failed), 125, 1, byOwn},
		{"failed", alive, errors.New("x"), 125, 1, byOwn},
		{"lost", alive, session.ErrLost, 125, 1, byOwn},
		{"wrong usage", alive, wrong, 125, 2, byOwn},
		{"wrong usage, wrapped", alive, fmt.Errorf("y: %w", wrong), 125, 2, byOwn},
		{"SIGTERM to nixproxy", cancelled, interrupted{unix.SIGTERM}, 143, 143, byOwn},
		{"SIGTERM, and an error of it", cancelled, fmt.Errorf("pulling: %w", context.Canceled), 143, 143, byOwn},
		{"SIGTERM when all was well", cancelled, nil, 0, 0, byOwn},
		{"SIGTERM when the command had ended", cancelled, commandEnd{Status: 3}, 3, 3, byCommand},
		{"a context that ended otherwise", given, errors.New("x"), 125, 1, byOwn},
	} {
		for runs, want := range map[bool]int{true: test.run, false: test.rest} {
			if status, by := statusOf(test.ctx, test.err, runs); status != want || by != test.by {
				t.Errorf("%s, run %v: got %d by %s, want %d by %s", test.name, runs, status, by, want, test.by)
			}
		}
	}
}

func TestUsageErrorSaysWhereTheHelpIs(t *testing.T) {
	cause := errors.New("what is wrong")
	err := usage(&cobra.Command{Use: "nixproxy"}, "%w", cause)
	if err.Error() != "what is wrong" || hint.Of(err) != "see `nixproxy --help`" || !errors.Is(err, cause) {
		t.Errorf("got %q with hint %q", err, hint.Of(err))
	}
}
