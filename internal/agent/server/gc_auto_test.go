package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAutoGC(t *testing.T) {
	const size = 5
	for name, test := range map[string]struct {
		idle  time.Duration
		after time.Duration // of the end of the last session
		most  int64
		want  bool
	}{
		"nobody wants it":         {idle: 10 * time.Minute, after: time.Hour},
		"not yet":                 {idle: 10 * time.Minute, after: 59 * time.Second, most: size},
		"calm":                    {idle: 10 * time.Minute, after: 61 * time.Second, most: size, want: true},
		"before a short idle end": {idle: 4 * time.Second, after: 3 * time.Second, most: size, want: true},
		"never idle":              {after: 61 * time.Second, most: size, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := int64(0)
				gc := &autoGC{collect: func(_ context.Context, most int64) { began = most }}
				gc.enter()
				gc.enter()
				gc.set(test.most, test.idle)
				gc.leave()
				time.Sleep(time.Hour) // the other one is still there
				gc.leave()
				time.Sleep(test.after)
				synctest.Wait()
				if got := began == size; got != test.want {
					t.Errorf("collected: %v", got)
				}
			})
		})
	}
}

func TestAutoGCGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times, stopped := 0, false
		gc := &autoGC{collect: func(ctx context.Context, _ int64) {
			times++
			select {
			case <-ctx.Done():
				stopped = true
			case <-time.After(time.Hour):
			}
		}}
		gc.enter()
		gc.set(1, time.Minute)
		gc.leave()
		time.Sleep(time.Minute)
		gc.enter()
		synctest.Wait()
		if times != 1 || !stopped {
			t.Errorf("begun %d times, stopped: %v", times, stopped)
		}
		gc.leave()
		gc.enter() // in time
		time.Sleep(time.Hour)
		gc.leave()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if times != 2 {
			t.Errorf("begun %d times, not twice", times)
		}
	})
}
