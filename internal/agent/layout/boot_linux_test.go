package layout

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestOfAllAtOnceOneDoesItAndTheOthersWait(t *testing.T) {
	v := Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	var times atomic.Int32
	var done atomic.Bool
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			err := v.OncePerBoot(func() error {
				times.Add(1)
				defer done.Store(true)
				return nil
			})
			if err != nil || !done.Load() {
				t.Errorf("somebody has not waited: %v", err)
			}
		})
	}
	all.Wait()
	if times.Load() != 1 {
		t.Errorf("it was done %d times", times.Load())
	}
}
