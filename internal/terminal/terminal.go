// Package terminal is all that the user sees of nixproxy besides a command's own streams.
package terminal

// The rules of the interface are:
//
//   - Everything goes to standard error; standard output belongs to the command. When all
//     is well and fast, nothing is said at all.
//
//   - Every line starts with "nixproxy:", has no capital at the start and no period at
//     the end, so that it can be told from the lines of the command, and found in a log.
//     The next step to take after an error is a line of its own, which starts with
//     "nixproxy: hint:".
//
//   - What takes long is shown while it lasts: on a terminal as one line at the bottom,
//     which appears after 200 ms and leaves no trace; in a log as a line at the start,
//     one at the end, and at most one every five seconds between.
//
//   - Errors are always shown. --quiet silences all else, --progress=none notes and
//     progress.
//
//   - Colour says nothing that the words do not, and only a terminal gets it.
//
//   - Other people's text (a registry's answer, a program's complaint) cannot steer the
//     terminal: control characters are replaced.
//
//   - With --progress=json every line is one JSON object with an "event": note, warning,
//     debug, error, progress, done, and exit, which is the last.

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// Options say what the terminal is and what the user wants of it.
type Options struct {
	Mode       string // auto, tty, plain, json or none; auto is tty on a terminal and plain elsewhere
	Quiet      bool   // nothing but errors
	Debug      bool
	IsTerminal bool
	Width      int // columns; 80 if not known
	NoColor    bool
	Given      string // the flags for the commands that are advised, as a shell takes them
}

// Terminal writes for the user. It is safe for concurrent use.
type Terminal struct {
	w       io.Writer
	mode    string
	options Options
	now     func() time.Time // a seam for tests

	mu    sync.Mutex  // over all below, the writing, and what changes in a Progress
	bars  []*Progress // tty: those under way; the latest is shown
	shown bool        // tty: a bar is on the screen
}

// New returns a terminal that writes to w, which is standard error.
func New(w io.Writer, o Options) *Terminal {
	if o.Width <= 0 {
		o.Width = 80
	}
	mode := o.Mode
	if mode == "" || mode == "auto" {
		mode = "plain"
		if o.IsTerminal {
			mode = "tty"
		}
	}
	return &Terminal{w: w, mode: mode, options: o, now: time.Now}
}

// Note says something that is good to know.
func (t *Terminal) Note(format string, a ...any) {
	if !t.options.Quiet && t.mode != "none" {
		t.say("note", "", fmt.Sprintf(format, a...))
	}
}

// Warn says something that the user should look at, though the command goes on.
func (t *Terminal) Warn(format string, a ...any) {
	if !t.options.Quiet {
		t.say("warning", t.paint(yellow, "warning:")+" ", fmt.Sprintf(format, a...))
	}
}

// Debug says what is done, for those who asked for it.
func (t *Terminal) Debug(format string, a ...any) {
	if t.options.Debug && !t.options.Quiet {
		t.say("debug", "debug: ", fmt.Sprintf(format, a...))
	}
}

// Error says why nixproxy failed, and on a line of its own the hint that the error
// has. It is always shown.
func (t *Terminal) Error(err error) {
	if err != nil {
		t.write(TextEvent{Event: "error", Text: err.Error(), Hint: hint.Of(err)}, "")
	}
}

// Exit ends the events of a JSON reader: by is "command" or "nixproxy", whoever the
// status is of. In other modes the exit status itself says enough.
func (t *Terminal) Exit(by string, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mode == "json" {
		t.emit(ExitEvent{Event: "exit", By: by, Status: status})
	}
}

func (t *Terminal) say(event, label, text string) {
	t.write(TextEvent{Event: event, Text: text}, label)
}

func (t *Terminal) write(e TextEvent, label string) {
	e.Text, e.Hint = t.Advised(e.Text), t.Advised(e.Hint)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mode == "json" {
		t.emit(e)
		return
	}
	prefix := "nixproxy:"
	if e.Event == "error" {
		prefix = t.paint(red, prefix)
	}
	t.print(lines(prefix+" "+label, e.Text) + lines("nixproxy: hint: ", e.Hint))
}

// lines puts the prefix before each line of the text.
func lines(prefix, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			b.WriteString(prefix + Harmless(line) + "\n")
		}
	}
	return b.String()
}

// print puts whole lines on the screen, and the bar below them again; t.mu is held.
func (t *Terminal) print(text string) {
	if !t.shown {
		io.WriteString(t.w, text)
		return
	}
	io.WriteString(t.w, clearLine+text)
	t.shown = false
	t.draw()
}

const (
	red       = "\x1b[31m"
	yellow    = "\x1b[33m"
	noColor   = "\x1b[0m"
	clearLine = "\r\x1b[K"
)

func (t *Terminal) paint(color, text string) string {
	if t.mode != "tty" || t.options.NoColor {
		return text
	}
	return color + text + noColor
}

// Harmless is a line of which nothing steers a terminal.
func Harmless(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return '?'
		}
		return r
	}, line)
}

// Count is a number of things, by the name of one.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
