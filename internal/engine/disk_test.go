package engine

import (
	"errors"
	"strings"
	"testing"
)

func TestAFullDiskIsNamed(t *testing.T) {
	for _, said := range []string{
		"Error response from daemon: mkdir /var/lib/docker/overlay2/x: no space left on device",
		"error: write of 65536 bytes: No space left on device",
		"error: executing SQLite query: database or disk is full",
	} {
		if got := plainly(errors.New(said)).Error(); !strings.Contains(got, ": the engine's disk is full; make room there") {
			t.Errorf("%s: got %s", said, got)
		}
	}
	if got := plainly(errors.New("Could not find the file / in container c")).Error(); !strings.Contains(got, ": perhaps the engine's disk is full; make room there") {
		t.Errorf("got %s", got)
	}
	if got := plainly(errors.New("no such container")).Error(); got != "no such container" {
		t.Errorf("got %s", got)
	}
}
