//go:build linux && acceptance

// Package stopwatch measures time on machines that are busy.
package stopwatch

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// A Stopwatch counts time as one process has it: where more of them want to run
// than there are processors, each gets on slower by as much, and so does the watch.
// It is for limits that nixproxy promises, which a busy machine is not to break. On
// an idle one it is a clock.
type Stopwatch struct {
	stop chan struct{}

	mu     sync.Mutex
	passed time.Duration
}

const (
	tick = 10 * time.Millisecond
	// mostOfTick is what counts of a tick at most: one that is later came when the
	// test itself was not let run.
	mostOfTick = 5 * tick
)

// Start starts a stopwatch that runs until the test ends.
func Start(t *testing.T) *Stopwatch {
	s := &Stopwatch{stop: make(chan struct{})}
	t.Cleanup(func() { close(s.stop) })
	go s.run()
	return s
}

func (s *Stopwatch) run() {
	for last := time.Now(); ; {
		select {
		case <-s.stop:
			return
		case <-time.After(tick):
		}
		now := time.Now()
		counts := time.Duration(share() * float64(min(now.Sub(last), mostOfTick)))
		last = now
		s.mu.Lock()
		s.passed += counts
		s.mu.Unlock()
	}
}

// Elapsed is what the watch shows.
func (s *Stopwatch) Elapsed() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed
}

// share is the part of a processor that a process gets now (proc_loadavg(5): how
// many run or could, this one among them).
func share() float64 {
	var running float64
	load, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		var ignored float64
		_, err = fmt.Sscanf(string(load), "%f %f %f %f/", &ignored, &ignored, &ignored, &running)
	}
	if err != nil || running < 1 {
		return 1
	}
	return min(1, float64(runtime.NumCPU())/running)
}
