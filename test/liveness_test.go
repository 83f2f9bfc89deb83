package test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
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
	p := newPlace(t, theWorld.engine, "liveness")
	for _, transport := range transports {
		for name, test := range map[string]func(*place, *testing.T){
			"ten silent minutes": (*place).silentMinutes, "a silent agent": (*place).silentAgent, "a silent client": (*place).silentClient,
		} {
			other := p.another(t).over(transport)
			t.Run(name+" over the "+transport, func(t *testing.T) { t.Parallel(); test(other, t) })
		}
	}
}

func (p *place) silentMinutes(t *testing.T) {
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", "sleep 600; cat; exit 5")
	time.Sleep(10*time.Minute + 5*time.Second)
	s.stdin.Write([]byte("said at last\n"))
	s.stdin.Close()
	if got := s.end(t); got.status != 5 || got.stdout != "said at last" || got.stderr != "" {
		t.Errorf("%v", got)
	}
}

func (p *place) silentAgent(t *testing.T) {
	id := p.container(t)
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", "echo ready; sleep 3600")
	s.await(t, "ready")
	if err := p.engine.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	time.Sleep(silence)
	watch := startStopwatch(t)
	got := s.end(t)
	if took := watch.elapsed(); took > gone {
		t.Errorf("it took nixproxy %v more to give up", took)
	}
	if err := p.engine.ContainerUnpause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got.status != 125 || strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "nixproxy: ") {
		t.Errorf("%v", got)
	}
	p.expectNothingLeft(t)
}

func (p *place) silentClient(t *testing.T) {
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", "echo ready; sleep 3600")
	s.await(t, "ready")
	s.signal(syscall.SIGSTOP)
	time.Sleep(silence)
	p.expectNothingLeft(t)
	s.signal(syscall.SIGCONT)
	if got := s.end(t); got.status != 125 {
		t.Errorf("%v", got)
	}
}
