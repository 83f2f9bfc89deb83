//go:build linux && acceptance

package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/volume"

	"github.com/nixproxy/nixproxy/test/harness"
)

// An EventLog is what an engine says that it does, from a moment on. It listens
// all the time: an engine keeps only its last few events.
type EventLog struct {
	Close func()

	mu     sync.Mutex
	events []events.Message
}

// Follow starts to listen to an engine.
func (e *Engine) Follow() *EventLog {
	ctx, cancel := context.WithCancel(context.Background())
	l := &EventLog{Close: cancel}
	messages, problems := e.Events(ctx, events.ListOptions{})
	go func() {
		for {
			select {
			case m := <-messages:
				l.mu.Lock()
				l.events = append(l.events, m)
				l.mu.Unlock()
			case <-problems:
				return
			}
		}
	}()
	return l
}

// Forget drops the events until now.
func (l *EventLog) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = nil
}

func (l *EventLog) all() []events.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]events.Message(nil), l.events...)
}

// CaughtUp returns the events once one that is caused now has come: the making
// of a volume of that name. An engine answers a moment before it listens for us,
// and does not tell of what happens between: then another one is made.
func (e *Engine) CaughtUp(l *EventLog, mark string) ([]events.Message, error) {
	mark = fmt.Sprintf("%s-%d-", mark, time.Now().UnixNano())
	for i := range 10 {
		if seen, err := e.marked(l, mark, fmt.Sprint(mark, i)); err != nil || seen != nil {
			return seen, err
		}
	}
	return nil, fmt.Errorf("the engine did not tell of volumes %s*", mark)
}

// marked makes a volume, and waits a while for the event of one whose name begins
// with the mark.
func (e *Engine) marked(l *EventLog, mark, name string) ([]events.Message, error) {
	ctx := context.Background()
	if _, err := e.VolumeCreate(ctx, volume.CreateOptions{Name: name}); err != nil {
		return nil, err
	}
	defer e.VolumeRemove(ctx, name, true)
	for deadline := time.Now().Add(harness.Limit / 10); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		seen := l.all()
		for _, m := range seen {
			if m.Type == events.VolumeEventType && (strings.HasPrefix(m.Actor.ID, mark) || strings.HasPrefix(m.Actor.Attributes["name"], mark)) {
				return seen, nil
			}
		}
	}
	return nil, nil
}

// IsEvent tells whether an image of a script was pulled, or a container of that
// role made on its volume.
func IsEvent(m events.Message, name, what string) bool {
	if what == "pull" {
		return m.Type == events.ImageEventType && m.Action == events.ActionPull &&
			strings.Contains(m.Actor.ID+" "+m.Actor.Attributes["name"], "/"+name+"/")
	}
	return m.Type == events.ContainerEventType && m.Action == events.ActionCreate &&
		m.Actor.Attributes[labelVolume] == name && m.Actor.Attributes[labelRole] == what
}
