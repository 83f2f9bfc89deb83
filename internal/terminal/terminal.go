// Package terminal writes all that the user sees of nixproxy besides a command's own streams.
package terminal

// The rules of the interface are:
//
//   - Everything goes to standard error; standard output belongs to the command. A command
//     that succeeds and is fast writes nothing.
//
//   - Every line starts with "nixproxy:", without a capital at the start of the text or a
//     period at its end, so that it can be told from the lines of the command, and found in
//     a log. The next step to take after an error is a line of its own, which starts with
//     "nixproxy: hint:".
//
//   - A task that takes long is shown while it lasts: on a terminal as one line at the
//     bottom, which appears after 200 ms and leaves no trace; in a log as a line at the
//     start, one at the end, and at most one every five seconds between.
//
//   - Errors are always shown. --quiet hides all else; --progress=none hides notes and
//     progress.
//
//   - Colour tells nothing that the words do not, and only a terminal gets it.
//
//   - Text from others (a registry's answer, a program's error) cannot control the terminal:
//     control characters are replaced.
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

// Options describe the terminal and the user's choices.
type Options struct {
	Mode       string // auto, tty, plain, json or none; auto is tty on a terminal and plain elsewhere
	Quiet      bool   // nothing but errors
	Debug      bool
	IsTerminal bool
	Width      int // columns; 80 if not known
	NoColor    bool
	Given      string // flags for the commands in advice, quoted for a shell
}

// Terminal writes for the user. It is safe for concurrent use.
type Terminal struct {
	w       io.Writer
	mode    string
	options Options
	now     func() time.Time // a seam for tests

	mu    sync.Mutex  // guards all below, writes to w, and what changes in a Progress
	bars  []*Progress // tty: those that have not ended; the latest is shown
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

// Note writes something that is good to know.
func (t *Terminal) Note(format string, a ...any) {
	if !t.options.Quiet && t.mode != "none" {
		t.writeText("note", "", fmt.Sprintf(format, a...))
	}
}

// Warn writes something that the user should look at, though the command continues.
func (t *Terminal) Warn(format string, a ...any) {
	if !t.options.Quiet {
		t.writeText("warning", t.paint(yellow, "warning:")+" ", fmt.Sprintf(format, a...))
	}
}

// Debug writes what nixproxy does; only with Options.Debug.
func (t *Terminal) Debug(format string, a ...any) {
	if t.options.Debug && !t.options.Quiet {
		t.writeText("debug", "debug: ", fmt.Sprintf(format, a...))
	}
}

// Error writes why nixproxy failed, and on a line of its own the error's hint. It is always
// shown.
func (t *Terminal) Error(err error) {
	if err != nil {
		t.write(TextEvent{Event: "error", Text: err.Error(), Hint: hint.Of(err)}, "")
	}
}

// Exit writes the last event of a JSON reader: by names the owner of the status, "command"
// or "nixproxy". In other modes the exit status itself is enough.
func (t *Terminal) Exit(by string, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mode == "json" {
		t.emit(ExitEvent{Event: "exit", By: by, Status: status})
	}
}

func (t *Terminal) writeText(event, label, text string) {
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

// lines puts the prefix before each line of the text; empty lines are left out.
func lines(prefix, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			b.WriteString(prefix + Harmless(line) + "\n")
		}
	}
	return b.String()
}

// print writes complete lines, and draws the bar below them again; t.mu is held.
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

// Harmless returns a line with its control characters replaced, so that it cannot control a
// terminal.
func Harmless(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return '?'
		}
		return r
	}, line)
}

// Count returns a number of things, given the name of one: "2 paths".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
