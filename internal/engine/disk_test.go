package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestAFullDiskIsNamed(t *testing.T) {
	for _, text := range []string{
		"Error response from daemon: mkdir /var/lib/docker/overlay2/x: no space left on device",
		"error: write of 65536 bytes: No space left on device",
		"error: executing SQLite query: database or disk is full",
	} {
		for _, err := range []error{plainly(errors.New(text)), processError(text + "\n")} {
			if got := err.Error(); !strings.HasSuffix(got, ": the engine's disk is full") || !strings.HasPrefix(hint.Of(err), "make room there") || !IsFullDisk(err) {
				t.Errorf("%s: got %s, hint %s", text, got, hint.Of(err))
			}
		}
	}
	err := plainly(errors.New("Could not find the file / in container c"))
	if !strings.HasSuffix(err.Error(), ": perhaps the engine's disk is full") || !strings.HasPrefix(hint.Of(err), "make room there") {
		t.Errorf("got %v, hint %s", err, hint.Of(err))
	}
	if got := plainly(errors.New("no such container")).Error(); got != "no such container" {
		t.Errorf("got %s", got)
	}
}

func TestWhatAProcessWroteIsTakenApart(t *testing.T) {
	for stderr, want := range map[string][2]string{
		"complaint\n":                      {"complaint", ""},
		"complaint\nhint: try again\n":     {"complaint", "try again"},
		"disk is\nbad\nhint: x":            {"disk is\nbad", "x"},
		"no space left on device\nhint: x": {"no space left on device: the engine's disk is full", "x"},
	} {
		err := error(&ExitError{Program: "p", Status: 1, Err: processError(stderr)})
		if err.Error() != want[0] || hint.Of(err) != want[1] {
			t.Errorf("%q: got %q, hint %q", stderr, err, hint.Of(err))
		}
	}
	if err := (&ExitError{Program: "p", Status: 3, Err: processError(" \n")}); err.Error() != "p ended with status 3 and said nothing" || hint.Of(err) != "" {
		t.Errorf("got %v", err)
	}
}
