package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
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

func testSignals(t *testing.T, p *place) {
	p.write(t, "ready", "ready\n")
	for _, c := range signalCases() {
		t.Run(c.name, func(t *testing.T) { p.compareSignals(t, c) })
	}
}

func (p *place) compareSignals(t *testing.T, c signalCase) {
	want := p.signalled(t, c, nil)
	for _, transport := range transports {
		got := p.over(transport).signalled(t, c, []string{"nixproxy", "run", "--"})
		for _, difference := range got.differences(want) {
			t.Errorf("over the %s: %s", transport, difference)
		}
		if c.signals[len(c.signals)-1] == syscall.SIGKILL {
			p.expectNothingLeft(t)
		}
	}
}

// signalled runs a case's script and sends it each signal when it is ready.
func (p *place) signalled(t *testing.T, c signalCase, run []string) outcome {
	t.Helper()
	// A shell tells of its children's deaths in its own words.
	argv := slices.Concat(strings.Fields(c.caller), run, []string{"sh", "-c", "exec 2>/dev/null; " + c.script})
	s := p.start(t, argv...)
	for _, signal := range c.signals {
		s.await(t, "ready")
		s.signal(signal)
	}
	return s.end(t)
}

// A started is a command of the caller's under way, in a process group of its own.
type started struct {
	*exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // of stdout
	stdout []string
	stderr bytes.Buffer
}

func (p *place) start(t *testing.T, argv ...string) *started {
	t.Helper()
	s := &started{Cmd: p.command(argv...), lines: make(chan string, 1000)}
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.Stderr = &s.stderr
	stdout, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if s.stdin, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill() })
	go func() {
		defer close(s.lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			s.lines <- scanner.Text()
		}
	}()
	return s
}

func (s *started) signal(signal syscall.Signal) { _ = syscall.Kill(-s.Process.Pid, signal) }

// kill ends the command, and its outputs with it.
func (s *started) kill() {
	if s.ProcessState != nil {
		return
	}
	s.signal(syscall.SIGKILL)
	for range s.lines {
	}
	_ = s.Wait()
}

// await reads stdout up to a line.
func (s *started) await(t *testing.T, line string) {
	t.Helper()
	for late := time.After(slowest); ; {
		select {
		case got, ok := <-s.lines:
			if !ok {
				_ = s.Wait()
				t.Fatalf("%q ended without %q: stdout %q, stderr %q", s.Args, line, s.stdout, &s.stderr)
			}
			s.stdout = append(s.stdout, got)
			if got == line {
				return
			}
		case <-late:
			t.Fatalf("%q does not print %q: stdout %q", s.Args, line, s.stdout)
		}
	}
}

// end waits for the command's end. A signal's counts as a shell counts it.
func (s *started) end(t *testing.T) outcome {
	t.Helper()
	late := time.AfterFunc(slowest, func() { s.signal(syscall.SIGKILL) })
	for line := range s.lines {
		s.stdout = append(s.stdout, line)
	}
	_ = s.Wait()
	if !late.Stop() {
		t.Fatalf("%q does not end: stdout %q", s.Args, s.stdout)
	}
	status := s.ProcessState.Sys().(syscall.WaitStatus)
	code := status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return outcome{stdout: strings.Join(s.stdout, "\n"), stderr: s.stderr.String(), status: code}
}

func (o outcome) String() string {
	return fmt.Sprintf("exit status %d, stdout %s, stderr %s", o.status, excerpt(o.stdout), excerpt(o.stderr))
}
