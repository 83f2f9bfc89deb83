// Package nixlog reads the stderr of a Nix with `--log-format internal-json`.
package nixlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Numbers of the format, from NixOS/nix src/libutil/include/nix/util/logging.hh.
const (
	activityCopyPath  = 100
	activityCopyPaths = 103
	resultProgress    = 105
	levelError        = 0
)

// A Log is a writer for a Nix's stderr: it reports a copy's progress, and keeps the errors.
type Log struct {
	Paths func(done, total int64) // called with the number of copied paths; may be nil
	Waits func()                  // called when Nix waits for another one that uses the store; may be nil

	partial  []byte
	copying  uint64
	begun    map[uint64]bool // the activities that copy a path
	counts   bool            // this Nix sends progress
	done     int64
	total    int64 // from the text of the start, as Nix 2.8 sends no progress
	reported time.Time
	failures []string
	other    []string // the last lines that are no JSON
}

// An event is one line of the log.
type event struct {
	Action string
	ID     uint64
	Type   int
	Level  int
	Msg    string
	Text   string
	Fields []json.RawMessage
}

// Write handles a piece of the output; it never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, ok := bytes.Cut(l.partial, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.line(line)
		l.partial = rest
	}
}

func (l *Log) line(line []byte) {
	message, ok := bytes.CutPrefix(line, []byte("@nix "))
	if !ok {
		l.other = append(l.other[max(0, len(l.other)-9):], string(line))
		return
	}
	var e event
	if json.Unmarshal(message, &e) != nil {
		return
	}
	switch e.Action {
	case "msg":
		if e.Level == levelError {
			l.failures = append(l.failures, e.Msg)
		}
		if l.Waits != nil && strings.HasPrefix(e.Msg, "waiting for exclusive access to the Nix store") {
			l.Waits()
		}
	case "start":
		l.start(e)
	case "stop":
		l.stop(e)
	case "result":
		l.result(e)
	}
}

func (l *Log) start(e event) {
	switch e.Type {
	case activityCopyPaths:
		l.copying = e.ID
		_, _ = fmt.Sscanf(e.Text, "copying %d paths", &l.total)
	case activityCopyPath:
		if l.begun == nil {
			l.begun = map[uint64]bool{}
		}
		l.begun[e.ID] = true
	}
}

func (l *Log) stop(e event) {
	if l.begun[e.ID] && !l.counts {
		l.done++
		l.report(l.done, max(l.total, l.done))
	}
}

// result handles the progress that newer versions of Nix send.
func (l *Log) result(e event) {
	if e.Type != resultProgress || e.ID != l.copying || len(e.Fields) < 2 {
		return
	}
	var done, total int64
	if json.Unmarshal(e.Fields[0], &done) == nil && json.Unmarshal(e.Fields[1], &total) == nil {
		l.counts = true
		l.report(done, total)
	}
}

// report reports progress at most every 50 ms: more would cost more than it shows.
func (l *Log) report(done, total int64) {
	if now := time.Now(); l.Paths != nil && (done == total || now.Sub(l.reported) > 50*time.Millisecond) {
		l.reported = now
		l.Paths(done, total)
	}
}

// Errors returns Nix's errors on one line; without any, the last lines that are no JSON.
func (l *Log) Errors() string {
	if len(l.failures) > 0 {
		return plain(strings.Join(l.failures, "; "))
	}
	return plain(strings.Join(append(l.other, string(l.partial)), "; "))
}

// Explain returns the error of a Nix that has failed: its own message, or else err.
func (l *Log) Explain(err error) error {
	if text := l.Errors(); text != "" {
		return errors.New(text)
	}
	return err
}

// plain removes colours and line breaks from Nix's messages.
func plain(text string) string {
	var b strings.Builder
	for escaped := false; text != ""; text = text[1:] {
		switch c := text[0]; {
		case c == 0x1b:
			escaped = true
		case escaped:
			escaped = c != 'm'
		case c == '\n':
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
