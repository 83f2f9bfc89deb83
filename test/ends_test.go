//go:build linux && acceptance

package test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/stopwatch"
)

// testEnds is about sessions that do not end by their command's own will.
func testEnds(t *testing.T, p *fixture.Project) {
	fixture.BuildSetsid(t, p.Dir)
	for _, transport := range fixture.Transports {
		over := p.Over(transport)
		t.Run(transport, func(t *testing.T) {
			for name, tree := range trees {
				t.Run("killed with "+name, func(t *testing.T) { testKilled(t, over, tree) })
			}
			t.Run("killed with a build", func(t *testing.T) { testKilledWithBuild(t, over) })
			t.Run("killed before a detached process is left alone", func(t *testing.T) { testDetachedLeftAlone(t, over) })
			t.Run("stopped and continued", func(t *testing.T) { testStoppedClient(t, over) })
			t.Run("the container paused", func(t *testing.T) { testPausedContainer(t, over) })
			t.Run("the container killed", func(t *testing.T) { testContainerEnds(t, over, killContainer) })
			t.Run("the container removed", func(t *testing.T) { testContainerEnds(t, over, removeContainer) })
		})
	}
	t.Run("out of memory", func(t *testing.T) { testOutOfMemory(t, p.Another(t)) })
}

// Process trees that a process group does not hold. Each script prints "ready"
// when it is complete.
var trees = map[string]string{
	"a process that ignores all":   `trap '' HUP INT TERM QUIT USR1; echo ready; while :; do sleep 300; done`,
	"sessions of their own":        `./setsid sleep 300 & ./setsid sh -c 'trap "" HUP TERM; sleep 300; :' & echo ready; wait`,
	"daemons":                      `(./setsid sh -c '(sleep 300 &) & sleep 300 & exit' </dev/null >/dev/null 2>&1 &); env -i ./setsid "$(command -v sh)" -c '"$0" 300 & "$0" 300' "$(command -v sleep)" & echo ready; sleep 300`,
	"a stopped process":            `sleep 300 & kill -STOP $!; echo ready; wait`,
	"many that write":              `for i in 1 2 3 4; do yes >/dev/null & done; echo ready; yes`,
	"one that reads":               `echo ready; ./setsid cat & cat; wait`,
	"those that start ever others": `f() { (sleep 0.01; f) & }; trap '' HUP; f; f; f; echo ready; while :; do sleep 0.1; done`,
}

// testKilled: nixproxy is killed, and with it whatever its command has started.
func testKilled(t *testing.T, p *fixture.Project, script string) {
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", script)
	s.Await(t, "ready")
	if len(p.SessionProcesses()) == 0 {
		t.Fatal("no process of the session is seen")
	}
	s.Signal(syscall.SIGKILL)
	p.ExpectNothingLeft(t)
}

func testKilledWithBuild(t *testing.T, p *fixture.Project) {
	build := `nix-build --no-out-link --option substituters '' -E 'derivation { name = "endless-` + fmt.Sprint(time.Now().UnixNano()) + `"; system = builtins.currentSystem;
		builder = "/bin/sh"; PATH = "'$(dirname $(readlink -f $(command -v sleep)))'"; args = [ "-c" "sleep 300 & ` + p.Dir + `/setsid sleep 300 & echo ready; sleep 300" ]; }' 2>&1`
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", build)
	s.Await(t, "ready")
	s.Signal(syscall.SIGKILL)
	p.ExpectNothingLeft(t)
}

// testDetachedLeftAlone: what a command that has ended left in the background is not the
// next session's, whose client is killed.
func testDetachedLeftAlone(t *testing.T, p *fixture.Project) {
	pid := p.Start(t, "nixproxy", "run", "--", "sh", "-c", `sleep 300 >/dev/null 2>&1 & echo $!`).End(t).Stdout
	before := p.SessionProcesses()
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; sleep 300`)
	s.Await(t, "ready")
	s.Signal(syscall.SIGKILL)
	p.ExpectNothingLeft(t, before...)
	if left := p.Start(t, "nixproxy", "run", "--", "kill", pid).End(t); left.Status != 0 {
		t.Errorf("the background process: %v", left)
	}
	p.ExpectNothingLeft(t)
}

// testStoppedClient: a client that is stopped for a while, as in a laptop's sleep, misses
// nothing.
func testStoppedClient(t *testing.T, p *fixture.Project) {
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done; exit 5`)
	s.Await(t, "ready")
	s.Signal(syscall.SIGSTOP)
	time.Sleep(time.Second) // how long is the point
	s.Signal(syscall.SIGCONT)
	got := s.End(t)
	if n := strings.Count(got.Stdout, "\nline "); got.Status != 5 || n != 100000 || got.Stderr != "" {
		t.Errorf("%d lines, %v", n, got)
	}
}

// testPausedContainer: a stopped agent is waited for.
func testPausedContainer(t *testing.T, p *fixture.Project) {
	id := p.Container(t)
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; cat; exit 5`)
	s.Await(t, "ready")
	if err := p.Engine.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(s.Stdin, "sent meanwhile")
	time.Sleep(time.Second) // how long is the point
	if err := p.Engine.ContainerUnpause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.Stdin.Close()
	if got := s.End(t); got.Status != 5 || got.Stdout != "ready\nsent meanwhile" || got.Stderr != "" {
		t.Errorf("%v", got)
	}
}

// testEngineEnds: nixproxy tells in one line of an engine that ends under it, too.
func testEngineEnds(t *testing.T, p *fixture.Project) {
	var under []*fixture.Running
	for _, transport := range fixture.Transports {
		s := p.Over(transport).Start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; sleep 300`)
		s.Await(t, "ready")
		under = append(under, s)
	}
	p.Engine.Stop()
	for i, s := range under {
		if got := s.End(t); got.Status != 125 || !oneError.MatchString(got.Stderr) {
			t.Errorf("over the %s: %v", fixture.Transports[i], got)
		}
	}
}

var oneError = regexp.MustCompile(`^nixproxy: [^\n]+\n(nixproxy: hint: [^\n]+\n)?$`)

// testContainerEnds: nixproxy tells in one line of a container that is ended under
// it, and the next command has another.
func testContainerEnds(t *testing.T, p *fixture.Project, end func(context.Context, *fixture.Project, string) error) {
	id := p.Container(t)
	s := p.Start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; sleep 300`)
	s.Await(t, "ready")
	if err := end(t.Context(), p, id); err != nil {
		t.Fatal(err)
	}
	watch := stopwatch.Start(t)
	got := s.End(t)
	if took := watch.Elapsed(); took > 3*time.Second {
		t.Errorf("it took nixproxy %v to notice", took)
	}
	if got.Status != 125 || !oneError.MatchString(got.Stderr) {
		t.Errorf("%v", got)
	}
	next := p.Start(t, "nixproxy", "run", "--", "echo", "here").End(t)
	if next.Status != 0 || next.Stdout != "here" {
		t.Errorf("the next command: %v", next)
	}
}

func killContainer(ctx context.Context, p *fixture.Project, id string) error {
	return p.Engine.ContainerKill(ctx, id, "KILL")
}

func removeContainer(ctx context.Context, p *fixture.Project, id string) error {
	return p.Engine.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
}

// testOutOfMemory: a command that the kernel killed for want of memory ends as by
// any SIGKILL, and is told why.
func testOutOfMemory(t *testing.T, p *fixture.Project) {
	for _, transport := range fixture.Transports {
		got := p.Over(transport).Start(t, "nixproxy", "run", "--memory", "64m", "--", "sh", "-c", `head -c 300m /dev/zero | tail -n 1 >/dev/null; exit $?`).End(t)
		if got.Status != 137 || !regexp.MustCompile(`^nixproxy: [^\n]*memory[^\n]*\n$`).MatchString(got.Stderr) {
			t.Errorf("over the %s: %v", transport, got)
		}
	}
}
