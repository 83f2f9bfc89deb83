package server

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

func TestPlatformLines(t *testing.T) {
	for _, systems := range [][]string{nil, {"some-linux"}, {"some-linux", "more-linux"}} {
		a := Agent{emulated: func() []string { return systems }}
		var want []string
		if systems != nil {
			want = []string{"extra-extra-platforms = " + agentapi.System(runtime.GOARCH) + " " + strings.Join(systems, " ")}
		}
		if got := a.platformLines(); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", systems, got, want)
		}
	}
}
