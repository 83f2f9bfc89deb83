//go:build linux && acceptance

package engine

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/nixproxy/nixproxy/test/harness"
)

// Kinds are the kinds of engine to test besides the machine's own.
func Kinds() []string { return strings.Fields(os.Getenv("NIXPROXY_TEST_ENGINES")) }

// Start brings up an engine of the test's own.
func Start(t *testing.T, kind string) *Engine {
	dir := t.TempDir()
	stop := sync.OnceFunc(func() {
		if output, err := exec.Command(harness.RepositoryPath("scripts/engine/engine"), "stop", dir).CombinedOutput(); err != nil {
			t.Errorf("stopping %s: %v\n%s", kind, err, output)
		}
	})
	t.Cleanup(stop)
	start := exec.Command(harness.RepositoryPath("scripts/engine/engine"), "start", kind, dir)
	start.Stderr = os.Stderr
	output, err := start.Output()
	if err != nil {
		t.Fatalf("starting %s: %v", kind, err)
	}
	e, err := Open(strings.TrimPrefix(strings.TrimSpace(string(output)), "DOCKER_HOST="))
	if err != nil {
		t.Fatal(err)
	}
	e.Stop = func() { e.Stopped = true; stop() }
	return e
}
