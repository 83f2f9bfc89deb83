// Package anchor is the process of an anchor: the container that owns the PID
// namespace of all containers on one volume.
package anchor

import (
	"context"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// grace is how long the volume must have been quiet before the anchor ends: a command may
// be between one container and the next.
const grace = 5 * time.Second

// Run holds a PID namespace until the context ends, or until no process has worked on the
// volume for a while. The engine's init is the namespace's first process: it reaps orphans,
// and its end ends all processes of the namespace.
func Run(ctx context.Context, v layout.Volume) error {
	ended := make(chan error, 1)
	go func() { ended <- awaitQuiet(v, grace) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// awaitQuiet returns when no process works on the volume or is expected, and none came for
// that time. It uses the monotonic clock: the other may jump when a computer wakes up.
func awaitQuiet(v layout.Volume, quiet time.Duration) error {
	var last time.Time
	for since := time.Now(); ; {
		came, release, err := v.AwaitEmpty()
		if err != nil {
			return err
		}
		if !came.Equal(last) {
			last, since = came, time.Now()
		}
		left := max(quiet-time.Since(since), min(time.Until(came), layout.Underway))
		if left <= 0 {
			return nil // it keeps the lock, so that no process enters
		}
		release()
		time.Sleep(min(left, quiet)) // a process that was expected may have come and gone
	}
}
