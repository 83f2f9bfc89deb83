package server

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestIdle(t *testing.T) {
	const minute = time.Minute
	for name, test := range map[string]struct {
		use  func(i *idle)
		ends time.Duration // after the last use; 0: never
	}{
		"nobody":  {func(*idle) {}, 10 * minute},
		"one":     {func(i *idle) { i.enter(); time.Sleep(20 * minute); i.leave() }, 10 * minute},
		"others":  {func(i *idle) { i.enter(); i.enter(); i.leave(); time.Sleep(20 * minute); i.leave() }, 10 * minute},
		"in time": {func(i *idle) { time.Sleep(9 * minute); i.enter(); i.leave() }, 10 * minute},
		"shorter": {func(i *idle) { i.enter(); i.set(minute); i.leave() }, minute},
		"longer":  {func(i *idle) { i.enter(); i.set(20 * minute); i.leave() }, 20 * minute},
		"never":   {func(i *idle) { i.enter(); i.set(0); i.leave() }, 0},
		"again": {func(i *idle) {
			i.enter()
			i.set(0)
			i.leave()
			i.enter()
			i.set(minute)
			i.leave()
		}, minute},
		"stays": {func(i *idle) { i.enter() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan time.Time, 2)
				i := newIdle(10*minute, func() { ended <- time.Now() })
				test.use(i)
				last := time.Now()
				time.Sleep(time.Hour)
				select {
				case at := <-ended:
					if at.Sub(last) != test.ends || i.enter() {
						t.Errorf("ended after %v, not %v, or lets somebody in", at.Sub(last), test.ends)
					}
				default:
					if test.ends != 0 || !i.enter() {
						t.Errorf("did not end after %v, or lets nobody in", test.ends)
					}
				}
				if len(ended) > 0 {
					t.Error("ended twice")
				}
			})
		})
	}
}

// A timer that goes off just when a user comes and goes is too early.
func TestIdleTimerThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIdle(time.Minute, func() { t.Error("ended") })
		time.Sleep(30 * time.Second)
		i.enter()
		i.leave()
		i.expire()
		if !i.enter() {
			t.Error("nobody is let in")
		}
	})
}
