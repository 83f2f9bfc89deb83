package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/engine"
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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := anEngine(t, test.running, test.status)
			if ended(t.Context(), e, "", "") {
				t.Error("no container was counted on, and one has ended")
			}
			if got := ended(t.Context(), e, "", "id"); got != test.ended {
				t.Errorf("ended: %v", got)
			}
		})
	}
}

// anEngine has one container, and what is executed in that has an exit status.
func anEngine(t *testing.T, running bool, status int) *engine.Engine {
	state := map[bool]string{true: "running", false: "exited"}[running]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/containers/id/json"):
			fmt.Fprintf(w, `{"Id":"id","State":{"Status":%q}}`, state)
		case strings.HasSuffix(path, "/containers/id/exec"):
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"Id":"exec"}`)
		case strings.HasSuffix(path, "/exec/exec/json"):
			fmt.Fprintf(w, `{"ExitCode":%d}`, status)
		case strings.HasSuffix(path, "/exec/exec/start"):
			_, _ = io.Copy(io.Discard, r.Body) // else the connection may end with a reset
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
			conn.Close()
		default:
			t.Errorf("the engine is asked for %s", path)
		}
	}))
	t.Cleanup(server.Close)
	endpoint, err := engine.Find(engine.Choice{Host: "tcp://" + server.Listener.Addr().String()}, engine.Host{Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(endpoint, "1.41")
	if err != nil {
		t.Fatal(err)
	}
	return e
}
