package server

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/session/sessiontest"
)

// A client that comes when an agent ends is served, or is turned away before anything was
// started for it. After that no agent answers.
func TestAgentEndsWhenIdle(t *testing.T) {
	s := served{Agent: newAgent(t), key: sessiontest.Signer(t)}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background()) }()
	s.enroll(t)
	first := s.connect(t)
	exit := idleRun(t, first, 10*time.Millisecond)
	if exit != (session.Exit{}) {
		t.Errorf("%+v", exit)
	}
	select {
	case err := <-ended:
		t.Fatalf("ended under its client: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Stat(s.socket()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its socket: %v", err)
	}
}

func idleRun(t *testing.T, client *session.Client, idle time.Duration) session.Exit {
	t.Helper()
	running, err := client.Start(session.Request{Argv: []string{"true"}, Idle: idle})
	if err != nil {
		t.Fatal(err)
	}
	exit, err := running.Wait(session.Streams{})
	if err != nil {
		t.Fatal(err)
	}
	return exit
}
