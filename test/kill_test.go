//go:build linux && acceptance

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/registry"
)

// Whatever the moment at which nixproxy is killed on its way from no image to a
// warm container: the next call succeeds, the volume is whole, and no container
// is there that should not be. NIXPROXY_TEST_SEED repeats a run.
func TestKills(t *testing.T) {
	t.Parallel()
	k, random := newKillTest(t), harness.NewRandom(t)
	took := k.undisturbed(t)
	for i := range harness.Longer(6) {
		k.iteration(t, i+1, time.Duration(random.Int64N(int64(took))))
	}
}

// A killTest has what all iterations share: a path in the registry, and the state.
type killTest struct {
	name, version string
	dir           string // the project
	env           []string
}

func newKillTest(t *testing.T) *killTest {
	k := &killTest{name: suite.Prefix + "kills-0", version: suite.Images[1].Version, dir: t.TempDir()}
	home := t.TempDir()
	k.env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+home, "DOCKER_HOST="+suite.Engine.Host, "NIXPROXY_NIX_VERSION="+k.version,
		"NIXPROXY_STATE="+filepath.Join(home, "state"), "NIXPROXY_VOLUME="+k.name)
	t.Cleanup(func() { k.clean(t) })
	return k
}

func (k *killTest) clean(t *testing.T) {
	if err := suite.Engine.Clean(k.name); err != nil {
		t.Error("cleaning up: ", err)
	}
}

// command is a nixproxy whose image nobody has seen before this iteration.
func (k *killTest) command(n int, args ...string) *exec.Cmd {
	c := exec.Command(suite.Binary, args...)
	c.Dir = k.dir
	c.Env = append(slices.Clone(k.env), fmt.Sprintf("NIXPROXY_REGISTRY=%s/%s/%d", suite.Registry.Open, k.name, n))
	return c
}

func (k *killTest) publish(t *testing.T, n int) {
	r := suite.Registry
	if err := r.Push(fmt.Sprintf("%s/%s/%d/nixos/nix:%s", r.Open, k.name, n, k.version), k.version, registry.Fresh(4<<20)); err != nil {
		t.Fatal(err)
	}
}

// undisturbed measures how long a cold run takes that nobody kills.
func (k *killTest) undisturbed(t *testing.T) time.Duration {
	k.publish(t, 0)
	begin := time.Now()
	if output, err := k.command(0, "run", "--", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return time.Since(begin)
}

func (k *killTest) iteration(t *testing.T, n int, after time.Duration) {
	k.clean(t)
	k.publish(t, n)
	victim := k.command(n, "run", "--", "true")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	victim.Process.Kill()
	victim.Wait()

	output, err := k.command(n, "run", "--", "nix", "--version").Output()
	if err != nil || !strings.Contains(string(output), k.version) {
		t.Errorf("killed after %v: the next call: %v, %s%s", after, err, output, harness.Stderr(err))
		return
	}
	verify := k.command(n, "run", "--", "nix-store", "--verify", "--check-contents")
	if output, err := verify.CombinedOutput(); err != nil {
		t.Errorf("killed after %v: the volume: %v\n%s", after, err, output)
	}
	if err := suite.Engine.Surplus(k.name); err != nil {
		t.Errorf("killed after %v: %v", after, err)
	}
}
