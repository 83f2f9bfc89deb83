package terminal

import (
	"bytes"
	"encoding/json"
)

// The events of --progress=json. Their fields are an interface that other programs read:
// add to them, change nothing.

type textEvent struct {
	Event string `json:"event"` // note, warning, debug, error
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"` // error: the next step to take
}

type progressEvent struct {
	Event string `json:"event"` // progress
	What  string `json:"what"`
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitempty"` // missing while it is not known
	Unit  string `json:"unit"`
}

type doneEvent struct {
	Event   string  `json:"event"` // done
	What    string  `json:"what"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

type exitEvent struct {
	Event  string `json:"event"` // exit
	By     string `json:"by"`
	Status int    `json:"status"`
}

// emit writes one event as one line, in one write, so that lines of several writers do
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
