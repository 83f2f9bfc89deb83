package inside

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Numbers of Nix's internal-json log format, from NixOS/nix
// src/libutil/include/nix/util/logging.hh.
const (
	activityCopyPath  = 100
	activityCopyPaths = 103
	resultProgress    = 105
	levelError        = 0
)

// A nixLog takes what a Nix prints with `--log-format internal-json`: it tells
// of the copy's progress, and keeps the errors.
type nixLog struct {
	progress func(done, total int64)
	partial  []byte
	copying  uint64
	paths    map[uint64]bool // that were begun to be copied
	counts   bool            // this Nix sends progress
	done     int64
	total    int64 // by the words of the start, as Nix 2.8 sends no progress
	told     time.Time
	failures []string
	other    []string // lines that are no JSON, the last few
}

func (l *nixLog) Write(p []byte) (int, error) {
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

func (l *nixLog) line(line []byte) {
	message, ok := bytes.CutPrefix(line, []byte("@nix "))
	if !ok {
		l.other = append(l.other[max(0, len(l.other)-9):], string(line))
		return
	}
	var m struct {
		Action string
		ID     uint64
		Type   int
		Level  int
		Msg    string
		Text   string
		Fields []json.RawMessage
	}
	if json.Unmarshal(message, &m) != nil {
		return
	}
	switch {
	case m.Action == "msg" && m.Level == levelError:
		l.failures = append(l.failures, m.Msg)
	case m.Action == "start" && m.Type == activityCopyPaths:
		l.copying = m.ID
		_, _ = fmt.Sscanf(m.Text, "copying %d paths", &l.total)
	case m.Action == "start" && m.Type == activityCopyPath:
		if l.paths == nil {
			l.paths = map[uint64]bool{}
		}
		l.paths[m.ID] = true
	case m.Action == "stop" && l.paths[m.ID] && !l.counts:
		l.done++
		l.tell(l.done, max(l.total, l.done))
	case m.Action == "result" && m.Type == resultProgress && m.ID == l.copying && len(m.Fields) >= 2:
		l.measured(m.Fields)
	}
}

// measured takes the progress as newer Nix sends it.
func (l *nixLog) measured(fields []json.RawMessage) {
	var done, total int64
	if json.Unmarshal(fields[0], &done) == nil && json.Unmarshal(fields[1], &total) == nil {
		l.counts, l.done, l.total = true, done, total
		l.tell(done, total)
	}
}

// tell reports at most every 50 ms: more would cost more than it shows.
func (l *nixLog) tell(done, total int64) {
	if now := time.Now(); done == total || now.Sub(l.told) > 50*time.Millisecond {
		l.told = now
		l.progress(done, total)
	}
}

func (l *nixLog) errors() string {
	if len(l.failures) > 0 {
		return plain(strings.Join(l.failures, "; "))
	}
	return plain(strings.Join(append(l.other, string(l.partial)), "; "))
}

// plain takes the colours and line breaks out of Nix's messages.
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
