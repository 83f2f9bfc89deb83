package server

import (
	"sync"
	"time"
)

// An idle notices that no client has been connected to an agent for a time. From then
// on it lets no client in: one that comes at that moment is turned away before anything
// was started for it, and starts the container anew.
type idle struct {
	end func() // called once, when the time is over

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

// enter counts a user. It returns false if the agent is ending.
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

// set changes the time. The latest session's counts.
func (i *idle) set(after time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.after = after
}

func (i *idle) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	// The timer may have gone off just before somebody came and went.
	if i.over || i.users > 0 || i.after == 0 || time.Since(i.since) < i.after {
		return
	}
	i.over = true
	i.end()
}
