package engine

import (
	"strings"
	"testing"
)

func TestReclaiming(t *testing.T) {
	for kind, want := range map[Kind]string{
		DockerDesktop: "docker/desktop-reclaim-space", Colima: "colima ssh", RancherDesktop: "rdctl shell", Lima: "limactl shell",
		PodmanMachine: "podman machine ssh", OrbStack: "", Plain: "", Remote: "",
	} {
		if got := kind.Reclaiming("darwin"); (got == "") != (want == "") || !strings.HasPrefix(got, want) && !strings.HasSuffix(got, want) {
			t.Errorf("%q: %q", kind, got)
		}
		if got := kind.Reclaiming("linux"); got != "" {
			t.Errorf("%q on Linux: %q", kind, got)
		}
	}
}
