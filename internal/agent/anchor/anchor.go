package anchor

import (
	"context"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// grace is how long nobody must have come before the anchor ends: a slow path may
// be on its way from one container to the next.
const grace = 5 * time.Second

// Run holds a PID namespace until the context ends, or until nobody has worked
// on the volume for a while. The engine's init is the namespace's first process,
// reaps what others leave behind, and takes with it whoever comes at the end.
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

// awaitQuiet returns when nobody is there or expected, and nobody came for so long.
// It counts by its own clock: a computer's may jump when it wakes up.
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
			return nil // and nobody else comes in
		}
		release()
		time.Sleep(min(left, quiet)) // who was expected may have come and gone
	}
}
