package anchor

import (
	"context"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
)

// quietness returns a channel that gets the result of awaitQuiet.
func quietness(v layout.Volume, quiet time.Duration) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- awaitQuiet(v, quiet) }()
	return ended
}

func occupied(t *testing.T, v layout.Volume, next time.Duration) (leave func()) {
	t.Helper()
	leave, err := v.Occupy(next)
	if err != nil {
		t.Fatal(err)
	}
	return leave
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
	v := testvolume.New(t)
	one := occupied(t, v, 0)
	ended := quietness(v, 10*time.Millisecond)
	other := occupied(t, v, 0) // the wait for the first one's end keeps no other out
	one()
	runtime.GC()
	runtime.GC()
	stillThere(t, ended)
	other()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A process that comes and goes, as in a slow job, begins the time anew.
func TestAnchorWaitsForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := testvolume.New(t)
		ended := quietness(v, grace)
		var last time.Time
		for range 5 {
			time.Sleep(grace - time.Second)
			last = time.Now()
			occupied(t, v, 0)()
		}
		if err := <-ended; err != nil || time.Since(last) < grace {
			t.Errorf("%v, after %v", err, time.Since(last))
		}
	})
}

// An expected process is waited for until it comes.
func TestAnchorWaitsForWhoIsExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := testvolume.New(t)
		occupied(t, v, time.Minute)()
		ended := quietness(v, grace)
		time.Sleep(50 * time.Second)
		before := time.Now()
		occupied(t, v, 20*time.Second)()
		if err := <-ended; err != nil || time.Since(before) != 20*time.Second {
			t.Errorf("%v, after %v", err, time.Since(before))
		}
	})
}

// Nothing is written to a volume that was never prepared, or is not ours.
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
	v := testvolume.New(t)
	defer occupied(t, v, 0)()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, v); err != nil {
		t.Error(err)
	}
}
