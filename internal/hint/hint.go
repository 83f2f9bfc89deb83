// Package hint keeps what failed apart from what to do about it. An error's own
// text is the cause alone, so that it can be wrapped, matched and logged; the
// hint travels with it, and is shown once, on a line of its own.
package hint

import (
	"errors"
	"fmt"
	"strings"
)

// An Error is a cause with the next step to take.
type Error struct {
	Err  error
	Hint string // a sentence without a capital or a period: "use --volume to name another one"
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Add gives an error a hint. It returns nil for a nil error.
func Add(err error, format string, a ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: fmt.Sprintf(format, a...)}
}

// Of returns the hint of an error, or an empty string. Where several errors of
// the chain have one, the outermost counts: it knows the most of what the user did.
func Of(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// label begins the line of a hint where an error travels as text.
const label = "hint: "

// Text is an error as the text that Parse reads: the cause, and the hint on a
// line of its own.
func Text(err error) string {
	if h := Of(err); h != "" {
		return err.Error() + "\n" + label + h
	}
	return err.Error()
}

// Parse takes apart what a program wrote of its failure. The last line is the
// hint, if it is labelled as one.
func Parse(text string) (cause, hint string) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '\n') + 1
	if last, ok := strings.CutPrefix(text[at:], label); ok {
		return strings.TrimSpace(text[:at]), last
	}
	return text, ""
}

// FromText returns what Text has written as an error again.
func FromText(text string) error {
	cause, hint := Parse(text)
	if hint == "" {
		return errors.New(cause)
	}
	return &Error{Err: errors.New(cause), Hint: hint}
}
