package hint

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestOf(t *testing.T) {
	inner := Add(io.EOF, "try %s", "again")
	for _, test := range []struct {
		err         error
		text, hints string
	}{
		{io.EOF, "EOF", ""},
		{inner, "EOF", "try again"},
		{fmt.Errorf("reading x: %w", inner), "reading x: EOF", "try again"},
		{Add(fmt.Errorf("reading x: %w", inner), "give up"), "reading x: EOF", "give up"},
		{errors.Join(io.ErrNoProgress, inner), io.ErrNoProgress.Error() + "\nEOF", "try again"},
	} {
		if test.err.Error() != test.text || Of(test.err) != test.hints {
			t.Errorf("got %q with hint %q, want %q with %q", test.err, Of(test.err), test.text, test.hints)
		}
	}
	if !errors.Is(inner, io.EOF) {
		t.Error("an error with a hint does not unwrap to its cause")
	}
	if Add(nil, "try again") != nil || Of(nil) != "" {
		t.Error("there is a hint without an error")
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		err         error
		text        string
		cause, hint string
	}{
		{io.EOF, "EOF", "EOF", ""},
		{Add(io.EOF, "try again"), "EOF\nhint: try again", "EOF", "try again"},
		{Add(errors.New("a\nb"), "c"), "a\nb\nhint: c", "a\nb", "c"},
		{errors.New("a\nhint: b\nc"), "a\nhint: b\nc", "a\nhint: b\nc", ""},
		{errors.New("hint: alone"), "hint: alone", "", "alone"},
	} {
		if got := Text(test.err); got != test.text {
			t.Errorf("Text: got %q, want %q", got, test.text)
		}
		if cause, hint := Parse(test.text + "\n"); cause != test.cause || hint != test.hint {
			t.Errorf("Parse(%q): got %q and %q, want %q and %q", test.text, cause, hint, test.cause, test.hint)
		}
		if err := FromText(test.text); err.Error() != test.cause || Of(err) != test.hint {
			t.Errorf("FromText(%q): got %q with hint %q, want %q with %q", test.text, err, Of(err), test.cause, test.hint)
		}
	}
}
