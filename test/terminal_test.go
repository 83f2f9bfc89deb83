//go:build linux && acceptance

package test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/proc"
	"github.com/nixproxy/nixproxy/test/harness/terminal"
)

// A command at a terminal is as it would be here.
func TestTerminal(t *testing.T) {
	t.Parallel()
	testTerminal(t, suite.NewProject(t, suite.Engine, "terminal"))
}

// TestTerminalOnEngines is the same on each of NIXPROXY_TEST_ENGINES.
func TestTerminalOnEngines(t *testing.T) {
	for _, kind := range engine.Kinds() {
		t.Run(kind, func(t *testing.T) { testTerminal(t, suite.NewProject(t, engine.Start(t, kind), "terminal-"+kind)) })
	}
}

func testTerminal(t *testing.T, p *fixture.Project) {
	p = p.With("LC_ALL=C")
	for name, test := range map[string]func(*testing.T, *fixture.Project){
		"shell":                  testShell,
		"size":                   testSize,
		"stderr apart":           testStderrApart,
		"forced":                 testTerminalForced,
		"refused":                testTerminalRefused,
		"signals with a tty":     func(t *testing.T, p *fixture.Project) { testTerminalSignals(t, p, true) },
		"signals without":        func(t *testing.T, p *fixture.Project) { testTerminalSignals(t, p, false) },
		"ended by a signal":      testEndedBySignal,
		"caller's job":           testCallersJob,
		"caller's job, no tty":   testCallersJobWithoutTerminal,
		"in the background":      testBackground,
		"container killed":       testContainerKilled,
		"terminal closed":        testTerminalClosed,
		"nohup":                  testNohup,
		"crash":                  testCrash,
		"ctrl-c stops the loop":  testLoop,
		"modes of the caller's":  testModes,
		"a pager's keys are its": testPager,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

func testShell(t *testing.T, p *fixture.Project) {
	term := terminal.Start(t, p.Command("nixproxy", "shell"))
	term.Type("PS1='> '\r")
	term.Await("\n> ")
	term.Type("echo $TERM:$(tty | cut -c1-5)\r")
	term.Await("xterm-256color:/dev/")

	term.Type("sleep 300 &\r")
	term.Await("[1] ")
	term.Type("jobs\r")
	term.Await("Running")
	term.Type("kill %1; wait %1; echo ended $?\r")
	term.Await("ended 143")

	p.WriteFile(t, "loop.sh", nothing+"trap 'echo continued' CONT; echo started; "+forEver)
	term.Type("bash loop.sh\r")
	term.Await("started")
	term.Type("\x1a")
	term.Await("Stopped")
	term.Type("fg\r")
	term.Await("continued")
	term.Type("\x03")
	term.Await("^C")
	term.Type("echo status $?\r")
	term.Await("status 130")

	// Ctrl-P, with which docker begins to detach, is the shell's.
	term.Type("echo once$((40+2))\r")
	term.Await("once42")
	term.Type("\x10\r")
	term.Await("once42")

	p.WriteFile(t, "resize.sh", nothing+"trap 'stty size; echo resized' WINCH; trap exit INT; echo waiting; "+forEver)
	term.Type("bash resize.sh\r")
	term.Await("waiting")
	term.Resize(123, 45)
	term.Await("45 123")
	term.Await("resized") // stty has ended: what it got would not be the shell's
	term.Type("\x03")
	term.Await("> ")
	term.Resize(124, 46)
	term.Type("until test \"$(stty size)\" = '46 124'; do :; done; exit 7\r")
	term.ExpectStatus(7)
}

// forEver is a loop in bash without a child, for the reason of untilSignal. What it
// reads from, nothing, is to be there before a signal can come: bash cannot read a
// trap while it reads what is in parentheses.
const (
	nothing = "exec 3<> <(:); "
	forEver = "while :; do read -t 0.05 -u 3; done"
)

// The size is right from the first byte on, and colours reach the terminal.
func testSize(t *testing.T, p *fixture.Project) {
	for _, transport := range fixture.Transports {
		term := terminal.Start(t, p.Over(transport).Command("nixproxy", "run", "--", "sh", "-c", `stty size; printf "\033[31mred\033[0m\n"`))
		term.Await("\x1b[31mred\x1b[0m\r\n")
		if shown := term.Shown(); !strings.HasPrefix(shown, fmt.Sprintf("%d %d\r\n", terminal.Rows, terminal.Columns)) {
			t.Errorf("the screen began with %q", shown)
		}
		term.ExpectStatus(0)
	}
}

// 2>err works with a terminal too.
func testStderrApart(t *testing.T, p *fixture.Project) {
	c := p.Command("nixproxy", "run", "--", "sh", "-c", "echo shown; test -t 1 && echo terminal; test -t 2 || echo apart >&2")
	var apart bytes.Buffer
	c.Stderr = &apart
	term := terminal.Start(t, c)
	term.Await("shown\r\nterminal\r\n")
	term.ExpectStatus(0)
	if apart.String() != "apart\n" {
		t.Errorf("stderr was %q", apart.String())
	}
}

// --tty gives the command a terminal where the caller has none.
func testTerminalForced(t *testing.T, p *fixture.Project) {
	for _, flag := range []string{"-t", "--tty"} {
		output, err := p.Command("nixproxy", "run", flag, "--", "sh", "-c", "test -t 0 && stty size").Output()
		if err != nil || string(output) != "24 80\r\n" {
			t.Errorf("%s: %q, %v", flag, output, err)
		}
	}
}

// --no-tty and its variable give it none where the caller has one.
func testTerminalRefused(t *testing.T, p *fixture.Project) {
	for _, c := range []*exec.Cmd{
		p.Command("nixproxy", "run", "-T", "--", "sh", "-c", "for i in 0 1 2; do test -t $i || echo $i is none; done"),
		p.With("NIXPROXY_NO_TTY=1").Command("nixproxy", "run", "--", "sh", "-c", "for i in 0 1 2; do test -t $i || echo $i is none; done"),
	} {
		term := terminal.Start(t, c)
		term.Await("0 is none\r\n1 is none\r\n2 is none\r\n")
		term.ExpectStatus(0)
	}
	for _, without := range []func(*exec.Cmd){
		func(c *exec.Cmd) { c.Stdin = strings.NewReader("") },
		func(c *exec.Cmd) { c.Stdout = io.Discard },
	} {
		c := p.Command("nixproxy", "run", "--", "sh", "-c", "for i in 0 1 2; do test -t $i || echo $i is none >&2; done")
		without(c)
		term := terminal.Start(t, c)
		term.Await("0 is none\r\n1 is none\r\n2 is none\r\n")
		term.ExpectStatus(0)
	}
}

var forwarded = []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2}

// Each signal reaches the command and its children, again and again.
func testTerminalSignals(t *testing.T, p *fixture.Project, tty bool) {
	dir := p.Dir + "/" + filepath.Base(t.Name())
	p.WriteFile(t, filepath.Base(t.Name())+".sh", nothing+`
for s in INT TERM HUP QUIT USR1 USR2; do trap "echo $1 got $s; test $1 = parent || exit 0" $s; done
if [ $1 = parent ]; then while :; do bash "$0" child; done; fi
echo ready; `+forEver)
	for _, transport := range fixture.Transports {
		c := p.Over(transport).Command("nixproxy", "run", "--", "bash", dir+".sh", "parent")
		if !tty {
			c.Args = append(c.Args[:2:2], append([]string{"-T"}, c.Args[2:]...)...)
		}
		term := terminal.Start(t, c)
		for range 2 {
			for _, signal := range forwarded {
				term.Await("ready")
				term.Signal(signal)
				name := strings.TrimPrefix(unix.SignalName(signal), "SIG")
				term.Await("child got " + name)
				term.Await("parent got " + name)
			}
		}
		term.Await("ready")
		term.Signal(unix.SIGKILL) // of which the terminal knows nothing
	}
}

// 128+n, and the terminal as it was. A shell whose loop this is goes on unless it
// sees SIGINT's own doing.
func testEndedBySignal(t *testing.T, p *fixture.Project) {
	// tail says so itself: the shell before it ignores QUIT.
	p.WriteFile(t, "ready", "ready\n")
	for _, signal := range forwarded {
		for _, flags := range [][]string{nil, {"-T"}} {
			argv := append(append([]string{"nixproxy", "run"}, flags...), "--", "sh", "-c", "ulimit -c 0; exec tail -f ready")
			term := terminal.Start(t, p.Command(argv...))
			term.Await("ready")
			term.Signal(signal)
			if signal == unix.SIGINT {
				term.ExpectEnd("signal: interrupt")
			} else {
				term.ExpectStatus(128 + int(signal))
			}
		}
	}
}

// startShell starts the caller's own shell with job control.
func startShell(t *testing.T, p *fixture.Project) *terminal.Terminal {
	t.Helper()
	term := terminal.Start(t, p.With("PS1=> ", "HISTFILE=").Command("bash", "--norc", "--noprofile", "-i"))
	term.Await("> ")
	return term
}

// Ctrl-Z stops nixproxy as it would the command, fg continues both, and bg too.
func testCallersJob(t *testing.T, p *fixture.Project) {
	m := proc.NewMark()
	term := startShell(t, p)
	term.Type("nixproxy run -- sh -c 'stty -echo; echo started; sleep " + string(m) + "; echo slept; read line; echo got $line'\r")
	term.Await("started\r\n")
	m.AwaitStates(t, "S") // a shell that is stopped before starts none
	term.Type("\x1a")
	term.Await("Stopped")
	m.AwaitStates(t, "T")
	term.Await("> ")
	term.Type("echo $((6*7))\r") // the shell has its terminal back
	term.Await("42\r\n")
	term.Resize(90, 20)
	term.Type("bg\r")
	m.AwaitStates(t, "S")
	term.Type("echo $((6*8))\r")
	term.Await("48\r\n")
	term.Type("fg\r")
	term.Await("nixproxy run")
	term.AwaitRaw()
	term.Type("\x1a")
	term.Await("Stopped")
	m.AwaitStates(t, "T")
	term.Type("fg\r")
	term.Await("fg\r\n")
	m.AwaitStates(t, "S")
	term.AwaitRaw()
	term.Type("\x03")
	term.Await("> ")
	term.Type("echo status $?\r")
	term.Await("status 130\r\n")
	term.Type("exit\r")
	term.ExpectStatus(0)
}

func testCallersJobWithoutTerminal(t *testing.T, p *fixture.Project) {
	m := proc.NewMark()
	term := startShell(t, p)
	term.Type("nixproxy run -- sh -c 'echo started >&2; sleep " + string(m) + "' | cat; echo status ${PIPESTATUS[0]}\r")
	term.Await("started\r\n")
	m.AwaitStates(t, "S") // a shell that is stopped before starts none
	term.Type("\x1a")
	term.Await("Stopped")
	m.AwaitStates(t, "T")
	term.Await("> ")
	term.Type("fg\r")
	m.AwaitStates(t, "S")
	term.Type("\x03")
	term.Await("> ")
	m.AwaitStates(t, "")
	term.Type("exit\r")
	term.ExpectStatus(130)
}

// A job in the background writes to the terminal, and is not stopped for a stdin
// that it does not read.
func testBackground(t *testing.T, p *fixture.Project) {
	term := startShell(t, p)
	p.WriteFile(t, "gate.sh", "until test -e gate; do sleep 0.05; done; rm gate; echo through >&2")
	for _, redirection := range []string{"", ">/dev/null"} {
		term.Type("nixproxy run -- bash gate.sh " + redirection + " &\r")
		term.Await("[1] ")
		term.Type("typed \x15echo $((6*7))\r") // none of it is the job's
		term.Await("42\r\n")
		p.WriteFile(t, "gate", "")
		term.Await("through")
		term.Type("wait; echo status $?\r")
		term.Await("status 0")
	}
	term.Type("exit\r")
	term.ExpectStatus(0)
}

// A container that dies under its command is told of in one line, on a terminal
// that is whole.
func testContainerKilled(t *testing.T, p *fixture.Project) {
	for _, transport := range fixture.Transports {
		p := p.Another(t)
		term := terminal.Start(t, p.Over(transport).Command("nixproxy", "run", "--", "sh", "-c", "echo ready; exec sleep 300"))
		term.Await("ready\r\n")
		if err := p.Engine.ContainerKill(context.Background(), p.Container(t), "KILL"); err != nil {
			t.Fatal(err)
		}
		term.Await("nixproxy:")
		term.Await("was lost while the command ran")
		term.ExpectStatus(125)
	}
}

// soon is how long a tree may live without its client.
const soon = 2 * time.Second

// All processes of a command end with its terminal, also those that ignore SIGHUP
// and those that have left the session.
func testTerminalClosed(t *testing.T, p *fixture.Project) {
	fixture.BuildSetsid(t, p.Dir)
	p.WriteFile(t, "tree.sh", `trap "" HUP
./setsid sleep $1 &
sh -c "sleep $1" &
echo ready >&2
sleep $1`)
	for _, transport := range fixture.Transports {
		for _, flag := range []string{"-t", "-T"} {
			m := proc.NewMark()
			term := terminal.Start(t, p.Over(transport).Command("nixproxy", "run", flag, "--", "bash", "tree.sh", string(m)))
			term.Await("ready\r\n")
			m.AwaitStates(t, "SSS")
			term.User.Close()
			m.ExpectEnd(t, soon)
			<-term.Ended
		}
	}
}

// What the caller ignores stays ignored.
func testNohup(t *testing.T, p *fixture.Project) {
	p.WriteFile(t, "nohup.sh", "echo ready; until test -e nohup.gate; do sleep 0.05; done; echo done")
	c := p.Command("bash", "-c", "trap '' HUP INT; exec nixproxy run -T -- bash nohup.sh")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Stdout, c.Stderr = w, w
	term := terminal.Start(t, c)
	w.Close()
	output := bufio.NewReader(r)
	if line, err := output.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	term.Signal(unix.SIGINT)
	term.User.Close()
	p.WriteFile(t, "nohup.gate", "")
	rest, err := io.ReadAll(output)
	if <-term.Ended; err != nil || string(rest) != "done\n" || !term.Program.ProcessState.Success() {
		t.Errorf("%q, %v, %v", rest, err, term.Program.ProcessState)
	}
}

// A nixproxy that somebody makes crash leaves a terminal that is whole.
func testCrash(t *testing.T, p *fixture.Project) {
	for _, signal := range []syscall.Signal{unix.SIGABRT, unix.SIGSEGV} {
		term := terminal.Start(t, p.Command("nixproxy", "run", "--", "sh", "-c", "echo ready; exec sleep 300"))
		term.Await("ready")
		term.AwaitRaw()
		term.Signal(signal)
		term.ExpectEnd("")
	}
}

// Ctrl-C ends the loop or the script that a command is in, as it does here.
func testLoop(t *testing.T, p *fixture.Project) {
	for _, run := range []string{"", "nixproxy run --"} {
		m := proc.NewMark()
		term := startShell(t, p)
		term.Type("for i in 1 2; do echo turn $i; " + run + " sleep " + string(m) + "; done\r")
		term.Await("turn 1\r\n")
		m.AwaitStates(t, "S")
		if run != "" {
			term.AwaitRaw()
		}
		term.Type("\x03")
		term.Await("> ")
		term.Type("echo $((6*7)); exit 3\r")
		if between := term.Await("42\r\n"); strings.Contains(between, "turn") {
			t.Errorf("with %q the loop went on: %q", run, between)
		}
		term.ExpectStatus(3)

		term = terminal.Start(t, p.Command("bash", "-c", run+" sleep "+string(m)+"; echo the script went on"))
		m.AwaitStates(t, "S")
		if run != "" {
			term.AwaitRaw()
		}
		term.Type("\x03")
		term.ExpectEnd("signal: interrupt")
	}
}

// The command's terminal has the control characters and flags of the caller's.
func testModes(t *testing.T, p *fixture.Project) {
	term := terminal.Start(t, p.Command("bash", "-c", "stty intr ^X susp undef erase ^H -ixon -echo; exec nixproxy run -- sh -c 'stty -a | tr \";\" \"\\n\"; echo end'"))
	shown := term.Await("end\r\n")
	for _, want := range []string{"intr = ^X", "susp = <undef>", "erase = ^H", "-ixon", "-echo ", "icanon"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in %q", want, shown)
		}
	}
	<-term.Ended
}

// Keys that are typed for another program of a pipeline are not the command's.
func testPager(t *testing.T, p *fixture.Project) {
	term := startShell(t, p)
	term.Type("nixproxy run -- sh -c 'echo ready >&2; cat >&2' | bash -c 'read -rsn50 keys </dev/tty; echo the pager got $keys; cat'\r")
	term.Await("ready\r\n")
	term.AwaitKeyMode()
	for range 50 {
		term.Type("q")
	}
	term.Await("the pager got " + strings.Repeat("q", 50) + "\r\n")
	term.Type("a line\r")
	term.Await("a line\r\n")
	term.Await("a line\r\n") // the echo, and what the command has read
	term.Type("\x04exit\r")
	term.ExpectStatus(0)
}
