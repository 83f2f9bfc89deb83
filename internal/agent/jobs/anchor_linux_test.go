package jobs

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// quietness tells when the wait for quiet is over.
func quietness(v layout.Volume, quiet time.Duration) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- awaitQuiet(v, quiet) }()
	return ended
}

func stillThere(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		t.Fatalf("ended: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestAnchorEndsAfterTheLast(t *testing.T) {
	v := newVolume(t)
	one, err := v.Occupy(0)
	if err != nil {
		t.Fatal(err)
	}
	ended := quietness(v, 10*time.Millisecond)
	other, err := v.Occupy(0) // the wait for the end of the one keeps nobody out
	if err != nil {
		t.Fatal(err)
	}
	one()
	runtime.GC()
	runtime.GC()
	stillThere(t, ended)
	other()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// One that comes and goes, as a slow path on its way, begins the time anew.
func TestAnchorWaitsForTheNext(t *testing.T) {
	v := newVolume(t)
	const quiet = 300 * time.Millisecond
	ended := quietness(v, quiet)
	var last time.Time
	for range 5 {
		stillThere(t, ended)
		leave, err := v.Occupy(0)
		if err != nil {
			t.Fatal(err)
		}
		last = time.Now()
		leave()
	}
	if err := <-ended; err != nil || time.Since(last) < quiet {
		t.Errorf("%v, after %v", err, time.Since(last))
	}
}

// One that is expected is waited for, until it comes.
func TestAnchorWaitsForWhoIsExpected(t *testing.T) {
	v := newVolume(t)
	leave, err := v.Occupy(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	ended := quietness(v, time.Millisecond)
	stillThere(t, ended)
	if leave, err = v.Occupy(300 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	leave()
	before := time.Now()
	if err := <-ended; err != nil || time.Since(before) < 200*time.Millisecond {
		t.Errorf("%v, after %v", err, time.Since(before))
	}
}

// A volume that was never prepared, or is not ours, is not written to.
func TestAnchorOfAnEmptyVolumeEnds(t *testing.T) {
	v := layout.Volume(t.TempDir())
	if err := <-quietness(v, 10*time.Millisecond); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(string(v)); len(entries) > 0 {
		t.Errorf("it has made %v", entries)
	}
}

func TestAnchorEndsWithItsContext(t *testing.T) {
	v := newVolume(t)
	leave, err := v.Occupy(0)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Anchor(ctx, v); err != nil {
		t.Error(err)
	}
}
