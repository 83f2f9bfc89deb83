//go:build linux && acceptance

package test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/stopwatch"
)

// silence is how long an end may be silent before the other gives it up: eight
// rounds of 15 s, of which the first is the one under way.
const silence = 150 * time.Second

// TestLiveness takes the minutes that it is about, so it waits for
// NIXPROXY_TEST_LONG; internal/session counts the same rounds in milliseconds.
func TestLiveness(t *testing.T) {
	if os.Getenv("NIXPROXY_TEST_LONG") == "" {
		return
	}
	t.Parallel()
	p := suite.NewProject(t, suite.Engine, "liveness")
	for _, transport := range fixture.Transports {
		for name, test := range map[string]func(*testing.T, *fixture.Project){
			"ten silent minutes": testSilentMinutes, "a silent agent": testSilentAgent, "a silent client": testSilentClient,
		} {
			other := p.Another(t).Over(transport)
			t.Run(name+" over the "+transport, func(t *testing.T) { t.Parallel(); test(t, other) })
		}
	}
}

func testSilentMinutes(t *testing.T, p *fixture.Project) {
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", "sleep 600; cat; exit 5")
	time.Sleep(10*time.Minute + 5*time.Second)
	s.Stdin.Write([]byte("said at last\n"))
	s.Stdin.Close()
	if got := s.End(t); got.Status != 5 || got.Stdout != "said at last" || got.Stderr != "" {
		t.Errorf("%v", got)
	}
}

func testSilentAgent(t *testing.T, p *fixture.Project) {
	id := p.Container(t)
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", "echo ready; sleep 3600")
	s.Await(t, "ready")
	if err := p.Engine.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	time.Sleep(silence)
	watch := stopwatch.Start(t)
	got := s.End(t)
	if took := watch.Elapsed(); took > fixture.EndLimit {
		t.Errorf("it took nixproxy %v more to give up", took)
	}
	if err := p.Engine.ContainerUnpause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got.Status != 125 || strings.Count(got.Stderr, "\n") != 1 || !strings.HasPrefix(got.Stderr, "nixproxy: ") {
		t.Errorf("%v", got)
	}
	p.ExpectNothingLeft(t)
}

func testSilentClient(t *testing.T, p *fixture.Project) {
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", "echo ready; sleep 3600")
	s.Await(t, "ready")
	s.Signal(syscall.SIGSTOP)
	time.Sleep(silence)
	p.ExpectNothingLeft(t)
	s.Signal(syscall.SIGCONT)
	if got := s.End(t); got.Status != 125 {
		t.Errorf("%v", got)
	}
}
