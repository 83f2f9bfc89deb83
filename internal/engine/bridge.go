package engine

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/container"
)

const (
	// watchAfter is when a bridge is long enough in use to be watched over, so
	// that short commands do not pay for it.
	watchAfter = time.Second
	// lastWords is the time for what a dead container's processes have said to
	// arrive.
	lastWords = 500 * time.Millisecond
)

// Bridge is Exec for a connection that lasts: it is closed when its container
// ends. An engine may leave an exec's connection open then (seen with Docker
// 20.10, whose exec'd process was gone), and whoever reads from it would wait
// for ever.
func (e *Engine) Bridge(ctx context.Context, id string, argv ...string) (*Stream, error) {
	s, err := e.Exec(ctx, id, argv...)
	if err != nil {
		return nil, err
	}
	watch, cancel := context.WithCancel(ctx)
	s.unwatch = cancel
	go func() {
		select {
		case <-watch.Done():
			return
		case <-time.After(watchAfter):
		}
		if e.wait(watch, id, container.WaitConditionNotRunning) != nil {
			return // of the connection's own end the reader hears
		}
		time.Sleep(lastWords)
		s.Close()
	}()
	return s, nil
}
