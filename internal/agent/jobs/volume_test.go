package jobs

import (
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// newVolume is one that is ours, and empty.
func newVolume(t *testing.T) layout.Volume {
	t.Helper()
	v := layout.Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	return v
}
