package server

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// calm is the time without a client after which garbage is collected. It is at most half of
// the idle time.
const calm = time.Minute

// An autoGC collects garbage while no client uses an agent, if the latest session has set a
// maximum size of the store. It stops as soon as a client comes.
type autoGC struct {
	collect func(ctx context.Context, most int64)

	mu    sync.Mutex
	users int
	most  int64 // bytes that the store may have, as the latest session has set it; 0: any
	after time.Duration
	timer *time.Timer        // nil: no collection is planned
	stop  context.CancelFunc // nil: no collection runs
}

// set takes over the settings of the latest session.
func (t *autoGC) set(most int64, idle time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most, t.after = most, calm
	if idle > 0 {
		t.after = min(calm, idle/2)
	}
}

func (t *autoGC) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users++
	if t.timer != nil {
		t.timer.Stop()
	}
	if t.stop != nil {
		t.stop()
	}
}

func (t *autoGC) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users--
	if t.users == 0 && t.most > 0 {
		t.timer = time.AfterFunc(t.after, t.run)
	}
}

func (t *autoGC) run() {
	t.mu.Lock()
	if t.users > 0 || t.stop != nil {
		t.mu.Unlock()
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	most := t.most
	t.stop = stop
	t.mu.Unlock()
	t.collect(ctx, most)
	stop()
	t.mu.Lock()
	t.stop = nil
	t.mu.Unlock()
}

// collectGarbage returns a function that runs the mode gc-auto. That is a process of its
// own, as it lowers its priority. The agent does not end meanwhile. A store that has not
// changed since the last time is left alone.
func (a Agent) collectGarbage() func(context.Context, int64) {
	var seen time.Time
	return func(ctx context.Context, most int64) {
		now := databaseTime(a.Volume)
		if now.Equal(seen) || !a.idle.enter() {
			return
		}
		defer a.idle.leave()
		c := exec.CommandContext(ctx, "/proc/self/exe", agentapi.ModeGCAuto, strconv.FormatInt(most, 10))
		c.Cancel = func() error { return c.Process.Signal(unix.SIGTERM) }
		c.Stderr = os.Stderr // the container's log
		if c.Run() == nil {
			seen = now
		}
	}
}

// databaseTime returns when a path was last registered, or a little later.
func databaseTime(v layout.Volume) (last time.Time) {
	for _, changed := range v.Registered() {
		if changed.After(last) {
			last = changed
		}
	}
	return last
}
