package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
)

// testEnds is about sessions that do not end by their command's own will.
func testEnds(t *testing.T, p *place) {
	buildSetsid(t, p.dir)
	for _, transport := range transports {
		over := p.over(transport)
		t.Run(transport, func(t *testing.T) {
			for name, tree := range trees {
				t.Run("killed with "+name, func(t *testing.T) { over.killed(t, tree) })
			}
			t.Run("killed with a build", func(t *testing.T) { over.killedWithBuild(t) })
			t.Run("killed before a detached process is left alone", func(t *testing.T) { over.leftAlone(t) })
			t.Run("stopped and continued", func(t *testing.T) { over.stopped(t) })
			t.Run("the container paused", func(t *testing.T) { over.paused(t) })
			t.Run("the container killed", func(t *testing.T) { over.containerEnds(t, (*place).killContainer) })
			t.Run("the container removed", func(t *testing.T) { over.containerEnds(t, (*place).removeContainer) })
		})
	}
	t.Run("out of memory", func(t *testing.T) { p.another(t).outOfMemory(t) })
}

// buildSetsid brings a program that the images have not. Static, it runs in any.
func buildSetsid(t *testing.T, dir string) {
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "setsid"), "./testdata/setsid")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
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

// killed: nixproxy is killed, and with it whatever its command has started.
func (p *place) killed(t *testing.T, script string) {
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", script)
	s.await(t, "ready")
	if len(p.ofSessions()) == 0 {
		t.Fatal("no process of the session is seen")
	}
	s.signal(syscall.SIGKILL)
	p.expectNothingLeft(t)
}

func (p *place) killedWithBuild(t *testing.T) {
	build := `nix-build --no-out-link --option substituters '' -E 'derivation { name = "endless-` + fmt.Sprint(time.Now().UnixNano()) + `"; system = builtins.currentSystem;
		builder = "/bin/sh"; PATH = "'$(dirname $(readlink -f $(command -v sleep)))'"; args = [ "-c" "sleep 300 & ` + p.dir + `/setsid sleep 300 & echo ready; sleep 300" ]; }' 2>&1`
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", build)
	s.await(t, "ready")
	s.signal(syscall.SIGKILL)
	p.expectNothingLeft(t)
}

// leftAlone: what a command that has ended left in the background is not the
// next session's, whose client is killed.
func (p *place) leftAlone(t *testing.T) {
	pid := p.start(t, "nixproxy", "run", "--", "sh", "-c", `sleep 300 >/dev/null 2>&1 & echo $!`).end(t).stdout
	before := p.ofSessions()
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; sleep 300`)
	s.await(t, "ready")
	s.signal(syscall.SIGKILL)
	p.expectNothingLeft(t, before...)
	if left := p.start(t, "nixproxy", "run", "--", "kill", pid).end(t); left.status != 0 {
		t.Errorf("the background process: %v", left)
	}
	p.expectNothingLeft(t)
}

// stopped: a client that is stopped for a while, as in a laptop's sleep, misses
// nothing.
func (p *place) stopped(t *testing.T) {
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done; exit 5`)
	s.await(t, "ready")
	s.signal(syscall.SIGSTOP)
	time.Sleep(time.Second) // how long is the point
	s.signal(syscall.SIGCONT)
	got := s.end(t)
	if n := strings.Count(got.stdout, "\nline "); got.status != 5 || n != 100000 || got.stderr != "" {
		t.Errorf("%d lines, %v", n, got)
	}
}

// paused: a stopped agent is waited for.
func (p *place) paused(t *testing.T) {
	id := p.container(t)
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; cat; exit 5`)
	s.await(t, "ready")
	if err := p.engine.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(s.stdin, "sent meanwhile")
	time.Sleep(time.Second) // how long is the point
	if err := p.engine.ContainerUnpause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.stdin.Close()
	if got := s.end(t); got.status != 5 || got.stdout != "ready\nsent meanwhile" || got.stderr != "" {
		t.Errorf("%v", got)
	}
}

// engineEnds: nixproxy tells in one line of an engine that ends under it, too.
func (p *place) engineEnds(t *testing.T) {
	var under []*started
	for _, transport := range transports {
		s := p.over(transport).start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; sleep 300`)
		s.await(t, "ready")
		under = append(under, s)
	}
	p.engine.stop()
	for i, s := range under {
		if got := s.end(t); got.status != 125 || !oneLine.MatchString(got.stderr) {
			t.Errorf("over the %s: %v", transports[i], got)
		}
	}
}

var oneLine = regexp.MustCompile(`^nixproxy: [^\n]+\n$`)

// containerEnds: nixproxy tells in one line of a container that is ended under
// it, and the next command has another.
func (p *place) containerEnds(t *testing.T, end func(*place, context.Context, string) error) {
	id := p.container(t)
	s := p.start(t, "nixproxy", "run", "--", "sh", "-c", `echo ready; sleep 300`)
	s.await(t, "ready")
	if err := end(p, t.Context(), id); err != nil {
		t.Fatal(err)
	}
	watch := startStopwatch(t)
	got := s.end(t)
	if took := watch.elapsed(); took > 3*time.Second {
		t.Errorf("it took nixproxy %v to notice", took)
	}
	if got.status != 125 || !oneLine.MatchString(got.stderr) {
		t.Errorf("%v", got)
	}
	next := p.start(t, "nixproxy", "run", "--", "echo", "here").end(t)
	if next.status != 0 || next.stdout != "here" {
		t.Errorf("the next command: %v", next)
	}
}

func (p *place) killContainer(ctx context.Context, id string) error {
	return p.engine.ContainerKill(ctx, id, "KILL")
}

func (p *place) removeContainer(ctx context.Context, id string) error {
	return p.engine.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
}

// container is the id of the place's proxy container.
func (p *place) container(t *testing.T) string {
	t.Helper()
	all, err := p.engine.role(p.volume, "proxy")
	for _, c := range all {
		if c.Labels["dev.nixproxy.project"] == p.dir {
			return c.ID
		}
	}
	t.Fatalf("there is no proxy container for %s: %v", p.dir, err)
	return ""
}

// outOfMemory: a command that the kernel killed for want of memory ends as by
// any SIGKILL, and is told why.
func (p *place) outOfMemory(t *testing.T) {
	for _, transport := range transports {
		got := p.over(transport).start(t, "nixproxy", "run", "--memory", "64m", "--", "sh", "-c", `head -c 300m /dev/zero | tail -n 1 >/dev/null; exit $?`).end(t)
		if got.status != 137 || !regexp.MustCompile(`^nixproxy: [^\n]*memory[^\n]*\n$`).MatchString(got.stderr) {
			t.Errorf("over the %s: %v", transport, got)
		}
	}
}
