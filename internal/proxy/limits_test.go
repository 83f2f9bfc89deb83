package proxy

import (
	"errors"
	"testing"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/settings"
)

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		memory, cpus string
		want         engine.Limits
	}{
		{"", "", engine.Limits{}},
		{"512m", "", engine.Limits{Memory: 512 << 20}},
		{"1.5g", "2", engine.Limits{Memory: 3 << 29, NanoCPUs: 2e9}},
		{"", "0.5", engine.Limits{NanoCPUs: 5e8}},
	} {
		p := &Proxy{Settings: settings.Settings{Memory: test.memory, CPUs: test.cpus}}
		if got, err := p.limits(); err != nil || got != test.want {
			t.Errorf("%q, %q: got %+v, %v", test.memory, test.cpus, got, err)
		}
	}
}

// What an engine refuses it will refuse again, and no container has ended.
func TestRefusedLimitsAreNotTriedAgain(t *testing.T) {
	err := errors.New("starting container x: unable to start container process: error setting cgroup config")
	if transient(explainLimits(engine.Limits{Memory: 1}, err)) || !transient(err) {
		t.Error("refused limits count as a container's end")
	}
}

func TestRefusedLimitsAreExplained(t *testing.T) {
	const advice = "choose another --memory or --cpus, or leave them out"
	limited := engine.Limits{Memory: 1}
	cgroup, other := errors.New("starting container x: cgroup controller memory is not available"), errors.New("the engine is gone")
	if got := explainLimits(limited, cgroup); got.Error() != cgroup.Error() || hint.Of(got) != advice {
		t.Errorf("got %v", got)
	}
	if got := explainLimits(limited, other); got != other {
		t.Errorf("got %v", got)
	}
	if got := explainLimits(engine.Limits{}, cgroup); got != cgroup {
		t.Errorf("without limits: got %v", got)
	}
}
