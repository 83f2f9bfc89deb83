//go:build linux && acceptance

package test

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// A signalCase is a script for sh that prints the line "ready" for each signal
// it is to get, and not in a trap: bash may lose a signal that comes as its own trap
// ends. It runs on this machine, where its process group gets them, and
// through nixproxy, which gets them itself.
type signalCase struct {
	name, script string
	signals      []syscall.Signal
	caller       string // what nixproxy is started by, as nohup
}

// untilSignal is a loop for sh that gets each signal, and is ready again when a trap
// has set again. With a child that bash waits for, SIGINT that comes as the child
// starts or ends is the child's, and bash goes on.
const untilSignal = `again=y; while :; do test -z "$again" || { again=; echo ready; }; sleep 0.1 >/dev/null & wait; done`

func signalCases() []signalCase {
	cases := []signalCase{
		{"trapped again and again", `trap 'echo got; again=y' INT; ` + untilSignal,
			[]syscall.Signal{syscall.SIGINT, syscall.SIGINT, syscall.SIGINT, syscall.SIGTERM}, ""},
		{"trapped once, and then no more", `trap 'echo got; trap - INT; again=y' INT; ` + untilSignal,
			[]syscall.Signal{syscall.SIGINT, syscall.SIGINT}, ""},
		{"each by itself", `for s in INT HUP QUIT USR1 USR2 TERM; do trap "echo got $s; again=y" $s; done; ` + untilSignal,
			[]syscall.Signal{syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGKILL}, ""},
		{"an exit status of the trap's own", `trap 'exit 7' TERM; ` + untilSignal, []syscall.Signal{syscall.SIGTERM}, ""},
		{"of a command that ignores it", `trap '' INT HUP; echo ready; sleep 0.3; echo alive; trap - HUP; echo ready; exec sleep 60`,
			[]syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, ""},
		{"a child, too", `trap 'wait; echo parent; exit 3' TERM; sh -c 'trap "echo child; exit" TERM; echo ready; while :; do sleep 1; done' & while :; do sleep 1; done`,
			[]syscall.Signal{syscall.SIGTERM}, ""},
		{"nohup", `echo ready; sleep 0.3; echo alive; echo ready; exec sleep 60`, []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM}, "nohup"},
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2} {
		name := signalName(s)
		cases = append(cases,
			// tail says so itself: bash, before it, ignores QUIT.
			signalCase{name + " by default", `exec tail -f ready`, []syscall.Signal{s}, ""},
			signalCase{name + " trapped", `trap 'echo got; exit 9' ` + name + `; ` + untilSignal, []syscall.Signal{s}, ""})
	}
	return cases
}

// signalName is a signal's name without SIG.
func signalName(s syscall.Signal) string {
	return map[syscall.Signal]string{syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP", syscall.SIGQUIT: "QUIT",
		syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2", syscall.SIGKILL: "KILL"}[s]
}

func testSignals(t *testing.T, p *fixture.Project) {
	p.WriteFile(t, "ready", "ready\n")
	for _, c := range signalCases() {
		t.Run(c.name, func(t *testing.T) { compareSignals(t, p, c) })
	}
}

func compareSignals(t *testing.T, p *fixture.Project, c signalCase) {
	want := runWithSignals(t, p, c, nil)
	for _, transport := range fixture.Transports {
		got := runWithSignals(t, p.Over(transport), c, []string{"nixproxy", "run", "--"})
		for _, difference := range got.Differences(want) {
			t.Errorf("over the %s: %s", transport, difference)
		}
		if c.signals[len(c.signals)-1] == syscall.SIGKILL {
			p.ExpectNothingLeft(t)
		}
	}
}

// runWithSignals runs a case's script and sends it each signal when it is ready.
func runWithSignals(t *testing.T, p *fixture.Project, c signalCase, run []string) fixture.Outcome {
	t.Helper()
	// A shell tells of its children's deaths in its own words.
	argv := slices.Concat(strings.Fields(c.caller), run, []string{"sh", "-c", "exec 2>/dev/null; " + c.script})
	s := p.Start(t, argv...)
	for _, signal := range c.signals {
		s.Await(t, "ready")
		s.Signal(signal)
	}
	return s.End(t)
}
