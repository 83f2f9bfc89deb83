package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever the moment at which nixproxy is killed on its way from no image to a
// warm container: the next call succeeds, the volume is whole, and no container
// is there that should not be. NIXPROXY_TEST_SEED repeats a run.
func TestKills(t *testing.T) {
	t.Parallel()
	k, random := newKills(t), newRandom(t)
	took := k.undisturbed(t)
	for i := range longer(6) {
		k.round(t, i+1, time.Duration(random.Int64N(int64(took))))
	}
}

// longer is ten times as many where there is time for that.
func longer(rounds int) int {
	if os.Getenv("NIXPROXY_TEST_LONG") != "" {
		return 10 * rounds
	}
	return rounds
}

// newRandom is another at each run; the log tells how to repeat one.
func newRandom(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("NIXPROXY_TEST_SEED"); given != "" {
		if _, err := fmt.Sscan(given, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("NIXPROXY_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// A kills has what all rounds share: a corner of the registry, and the state.
type kills struct {
	name, version string
	dir           string // the project
	env           []string
}

func newKills(t *testing.T) *kills {
	w := theWorld
	k := &kills{name: w.prefix + "kills-0", version: w.images[1].Version, dir: t.TempDir()}
	home := t.TempDir()
	k.env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+home, "DOCKER_HOST="+w.engine.host, "NIXPROXY_NIX_VERSION="+k.version,
		"NIXPROXY_STATE="+filepath.Join(home, "state"), "NIXPROXY_VOLUME="+k.name)
	t.Cleanup(func() { k.clean(t) })
	return k
}

func (k *kills) clean(t *testing.T) {
	if err := theWorld.engine.clean(k.name); err != nil {
		t.Error("cleaning up: ", err)
	}
}

// command is a nixproxy whose image nobody has seen before this round.
func (k *kills) command(round int, args ...string) *exec.Cmd {
	c := exec.Command(theWorld.binary, args...)
	c.Dir = k.dir
	c.Env = append(k.env, fmt.Sprintf("NIXPROXY_REGISTRY=%s/%s/%d", theWorld.registry.open, k.name, round))
	return c
}

func (k *kills) publish(t *testing.T, round int) {
	r := theWorld.registry
	if err := r.push(fmt.Sprintf("%s/%s/%d/nixos/nix:%s", r.open, k.name, round, k.version), k.version, fresh(4<<20)); err != nil {
		t.Fatal(err)
	}
}

// undisturbed measures how long a cold run takes that nobody kills.
func (k *kills) undisturbed(t *testing.T) time.Duration {
	k.publish(t, 0)
	begin := time.Now()
	if output, err := k.command(0, "run", "--", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return time.Since(begin)
}

func (k *kills) round(t *testing.T, round int, after time.Duration) {
	k.clean(t)
	k.publish(t, round)
	victim := k.command(round, "run", "--", "true")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	victim.Process.Kill()
	victim.Wait()

	output, err := k.command(round, "run", "--", "nix", "--version").Output()
	if err != nil || !strings.Contains(string(output), k.version) {
		t.Errorf("killed after %v: the next call: %v, %s%s", after, err, output, stderrOf(err))
		return
	}
	verify := k.command(round, "run", "--", "nix-store", "--verify", "--check-contents")
	if output, err := verify.CombinedOutput(); err != nil {
		t.Errorf("killed after %v: the volume: %v\n%s", after, err, output)
	}
	if err := theWorld.engine.staying(k.name); err != nil {
		t.Errorf("killed after %v: %v", after, err)
	}
}

func stderrOf(err error) string {
	if exit, ok := err.(*exec.ExitError); ok {
		return string(exit.Stderr)
	}
	return ""
}
