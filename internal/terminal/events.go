package terminal

import (
	"bytes"
	"encoding/json"
)

// The events of --progress=json. docs/reference/json.md lists them. Other programs read
// their keys: keys may be added, but none may change.

// A TextEvent is a note, a warning, an error, or what --debug shows.
type TextEvent struct {
	Event string `json:"event"` // note, warning, debug, error
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"` // error: the next step to take
}

// A ProgressEvent tells how much of a task is done.
type ProgressEvent struct {
	Event   string `json:"event"` // progress
	Task    string `json:"task"`
	Current int64  `json:"current"`
	Total   int64  `json:"total,omitempty"` // missing while unknown
	Unit    string `json:"unit"`
}

// A DoneEvent ends a task.
type DoneEvent struct {
	Event   string  `json:"event"` // done
	Task    string  `json:"task"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"` // why it failed
}

// An ExitEvent is the last event.
type ExitEvent struct {
	Event  string `json:"event"` // exit
	By     string `json:"by"`
	Status int    `json:"status"`
}

// emit writes an event as a line with a single write, so that lines of several writers do
// not mix; t.mu is held.
func (t *Terminal) emit(event any) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if to.Encode(event) != nil {
		return
	}
	t.w.Write(b.Bytes())
}
