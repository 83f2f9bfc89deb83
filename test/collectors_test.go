//go:build linux && acceptance

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/mount"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// A collectorLoop has three containers on one volume. In each iteration one builds
// with inputs that no root holds, another adds paths, and the third collects garbage.
type collectorLoop struct {
	build, add, collect *fixture.Project
	scripts             string
	marks               string // /nix/var/loop, by which they know of one another, on this machine
}

// Nix tells collectors what a build uses in a file named by its PID, and takes
// one of that name for stale. As all containers have one PID namespace no build
// loses an input, whichever Nix builds, adds or collects.
func TestCollectorsBesideBuilds(t *testing.T) {
	t.Parallel()
	l := newCollectorLoop(t)
	for i := range harness.Longer(4) {
		l.iteration(t, i)
		l.build, l.add = l.add, l.build
	}
	l.dropUnderWay(t)
	output, err := l.build.Command("nixproxy", "run", "--", "nix-store", "--verify", "--check-contents").CombinedOutput()
	if err != nil || strings.Contains(string(output), "error") {
		t.Errorf("the store afterwards: %v\n%s", err, output)
	}
	l.apart(t)
}

func newCollectorLoop(t *testing.T) *collectorLoop {
	t.Helper()
	suite, p := suite, suite.NewProject(t, suite.Engine, "collector")
	newest := suite.Images[2].Version
	if err := suite.Registry.Push(suite.Registry.Open+"/"+p.Volume+"/nixos/nix:"+newest, newest); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Abs("testdata/collector")
	if err != nil {
		t.Fatal(err)
	}
	l := &collectorLoop{build: p, add: p.With("NIXPROXY_NIX_VERSION=" + newest).Another(t), collect: p.Another(t), scripts: scripts}
	for _, p := range []*fixture.Project{l.build, l.add, l.collect} {
		if err := os.CopyFS(p.Dir, os.DirFS(scripts)); err != nil {
			t.Fatal(err)
		}
	}
	if output, err := p.Command("nixproxy", "run", "--", "mkdir", "-m", "777", "/nix/var/loop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	v, err := p.Engine.VolumeInspect(t.Context(), p.Volume)
	if err != nil {
		t.Fatal(err)
	}
	l.marks = filepath.Join(v.Mountpoint, "var/loop")
	return l
}

// iteration is one of nixproxy's own: who collects is a command inside, or nixproxy.
func (l *collectorLoop) iteration(t *testing.T, i int) {
	t.Helper()
	n := fmt.Sprint("shared-", i)
	collect := func() (string, error) { return runInLoop(l.collect, "collect.sh", n) }
	if i%2 == 1 {
		collect = func() (string, error) { return l.collectUntil(n) }
	}
	said := together(t,
		func() (string, error) { return runInLoop(l.build, "build.sh", n) },
		func() (string, error) { return runInLoop(l.add, "add.sh", n) },
		collect)
	if !strings.Contains(said[0], "kept") {
		t.Errorf("iteration %s: the build has lost an input:\n%s\nwhile this was collected:\n%s", n, said[0], said[2])
	}
	if !strings.Contains(said[2], "deleting '") && !strings.Contains(said[2], "\ndeleted  garbage ") {
		t.Errorf("iteration %s: nothing was collected beside it:\n%s", n, said[2])
	}
}

func runInLoop(p *fixture.Project, script, n string) (string, error) {
	output, err := p.Command("nixproxy", "run", "--", "sh", script, n).CombinedOutput()
	return string(output), err
}

// await waits for a mark, or until there is no hope for it.
func (l *collectorLoop) await(mark string) {
	for begin := time.Now(); !l.has(mark) && time.Since(begin) < harness.Limit; time.Sleep(10 * time.Millisecond) {
	}
}

func (l *collectorLoop) has(mark string) bool {
	_, err := os.Stat(filepath.Join(l.marks, mark))
	return err == nil
}

// collectUntil has nixproxy collect until the build has ended: collect.sh, from outside.
func (l *collectorLoop) collectUntil(n string) (all string, err error) {
	for err == nil && !l.has(n) {
		beside := l.has("building-"+n) && l.has("added-"+n)
		var output []byte
		output, err = l.collect.Command("nixproxy", "volume", "gc").CombinedOutput()
		all += string(output)
		if beside && err == nil {
			err = os.WriteFile(filepath.Join(l.marks, "collected-"+n), nil, 0o644)
		}
	}
	return all, err
}

// dropUnderWay drops an image, for another host, which this one's lock does not
// keep back, while commands that need either are on their way.
func (l *collectorLoop) dropUnderWay(t *testing.T) {
	t.Helper()
	other := l.collect.With("NIXPROXY_STATE=" + t.TempDir())
	for range harness.Longer(1) {
		if output, err := l.build.Command("nixproxy", "stop").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		run := func(p *fixture.Project) func() (string, error) {
			return func() (string, error) {
				output, err := p.Command("nixproxy", "run", "--", "nix", "--version").CombinedOutput()
				return string(output), err
			}
		}
		said := together(t, run(l.build), run(l.add), func() (string, error) {
			output, err := other.Command("nixproxy", "volume", "gc", "--keep-images", "1").CombinedOutput()
			return string(output), err
		})
		t.Logf("%s", said[2])
	}
}

// apart shows that the loop is one in which inputs are lost when each container
// has a PID namespace of its own.
func (l *collectorLoop) apart(t *testing.T) {
	t.Helper()
	if output, err := l.build.Command("nixproxy", "stop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	const most = 20
	for i := range most {
		n := fmt.Sprint("apart-", i)
		said := together(t,
			func() (string, error) { return l.byHand("build.sh", n) },
			func() (string, error) { l.await("building-" + n); return l.byHand("add.sh", n) },
			func() (string, error) { l.await("building-" + n); return l.byHand("collect.sh", n) })
		if strings.Contains(said[0], "lost") {
			t.Logf("lost in iteration %d:\n%s", i+1, said[0])
			return
		}
	}
	t.Errorf("no input was lost in %d iterations without a shared PID namespace: then this test shows nothing", most)
}

// byHand runs a script in a container as any Docker client would make it.
func (l *collectorLoop) byHand(script, n string) (string, error) {
	image := suite.Registry.Open + "/" + l.collect.Volume + "/nixos/nix:" + suite.Images[1].Version
	mounts := []mount.Mount{
		{Type: mount.TypeVolume, Source: l.collect.Volume, Target: "/nix"},
		{Type: mount.TypeBind, Source: l.scripts, Target: "/loop", ReadOnly: true},
	}
	return l.collect.Engine.Run(image, mounts, "/bin/sh", "-c", "cd /loop && . ./"+script, script, n)
}

// together does all at once, and returns what each has said.
func together(t *testing.T, all ...func() (string, error)) []string {
	t.Helper()
	said, errs := make([]string, len(all)), make([]error, len(all))
	var group sync.WaitGroup
	for i, do := range all {
		group.Go(func() { said[i], errs[i] = do() })
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%v\n%s", err, said[i])
		}
	}
	return said
}
