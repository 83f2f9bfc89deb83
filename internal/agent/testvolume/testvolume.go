// Package testvolume makes the volumes of tests. Nothing but tests imports it.
package testvolume

import (
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// New makes a volume that is nixproxy's, and empty.
func New(t *testing.T) layout.Volume {
	t.Helper()
	v := layout.Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	return v
}
