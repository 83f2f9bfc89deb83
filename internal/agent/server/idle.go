package server

import (
	"sync"
	"time"
)

// An idle notices that nobody has used an agent for a time: nobody is connected,
// whatever for. It lets nobody in once it has said so, so that who comes at that
// moment is turned away whole, and comes again to a container that is started
// anew.
type idle struct {
	end func() // called once

	mu    sync.Mutex
	users int
	since time.Time     // when the last user left
	after time.Duration // 0: never
	timer *time.Timer
	over  bool
}

func newIdle(after time.Duration, end func()) *idle {
	i := &idle{end: end, since: time.Now(), after: after}
	i.timer = time.AfterFunc(after, i.expire)
	return i
}

// enter counts a user; false says that it is too late.
func (i *idle) enter() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return false
	}
	i.users++
	return true
}

func (i *idle) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.users--
	i.since = time.Now()
	i.timer.Reset(i.after)
}

// set changes the time; the latest session's counts.
func (i *idle) set(after time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.after = after
}

func (i *idle) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	// The timer may have gone off for a time that was over already.
	if i.over || i.users > 0 || i.after == 0 || time.Since(i.since) < i.after {
		return
	}
	i.over = true
	i.end()
}
