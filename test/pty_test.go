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
)

// A command at a terminal is as it would be here.
func TestTerminal(t *testing.T) {
	t.Parallel()
	testTerminal(t, newPlace(t, theWorld.engine, "terminal"))
}

// TestTerminalOnEngines is the same on each of NIXPROXY_TEST_ENGINES.
func TestTerminalOnEngines(t *testing.T) {
	for _, kind := range testEngines() {
		t.Run(kind, func(t *testing.T) { testTerminal(t, newPlace(t, startEngine(t, kind), "terminal-"+kind)) })
	}
}

func testTerminal(t *testing.T, p *place) {
	p = p.with("LC_ALL=C")
	for name, test := range map[string]func(*testing.T, *place){
		"shell":                  testShell,
		"size":                   testSize,
		"stderr apart":           testStderrApart,
		"forced":                 testTerminalForced,
		"refused":                testTerminalRefused,
		"signals with a tty":     func(t *testing.T, p *place) { testTerminalSignals(t, p, true) },
		"signals without":        func(t *testing.T, p *place) { testTerminalSignals(t, p, false) },
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

func testShell(t *testing.T, p *place) {
	s := p.sit(t, p.command("nixproxy", "shell"))
	s.types("PS1='> '\r")
	s.sees("\n> ")
	s.types("echo $TERM:$(tty | cut -c1-5)\r")
	s.sees("xterm-256color:/dev/")

	s.types("sleep 300 &\r")
	s.sees("[1] ")
	s.types("jobs\r")
	s.sees("Running")
	s.types("kill %1; wait %1; echo ended $?\r")
	s.sees("ended 143")

	p.write(t, "loop.sh", nothing+"trap 'echo continued' CONT; echo started; "+forEver)
	s.types("bash loop.sh\r")
	s.sees("started")
	s.types("\x1a")
	s.sees("Stopped")
	s.types("fg\r")
	s.sees("continued")
	s.types("\x03")
	s.sees("^C")
	s.types("echo status $?\r")
	s.sees("status 130")

	// Ctrl-P, with which docker begins to detach, is the shell's.
	s.types("echo once$((40+2))\r")
	s.sees("once42")
	s.types("\x10\r")
	s.sees("once42")

	p.write(t, "resize.sh", nothing+"trap 'stty size; echo resized' WINCH; trap exit INT; echo waiting; "+forEver)
	s.types("bash resize.sh\r")
	s.sees("waiting")
	s.resize(123, 45)
	s.sees("45 123")
	s.sees("resized") // stty has ended: what it got would not be the shell's
	s.types("\x03")
	s.sees("> ")
	s.resize(124, 46)
	s.types("until test \"$(stty size)\" = '46 124'; do :; done; exit 7\r")
	s.ends(7)
}

// forEver is a loop in bash without a child, for the reason of untilSignal. What it
// reads from, nothing, is to be there before a signal can come: bash cannot read a
// trap while it reads what is in parentheses.
const (
	nothing = "exec 3<> <(:); "
	forEver = "while :; do read -t 0.05 -u 3; done"
)

func (p *place) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// The size is right from the first byte on, and colours reach the terminal.
func testSize(t *testing.T, p *place) {
	for _, transport := range transports {
		s := p.sit(t, p.over(transport).command("nixproxy", "run", "--", "sh", "-c", `stty size; printf "\033[31mred\033[0m\n"`))
		s.sees("\x1b[31mred\x1b[0m\r\n")
		if shown := s.shown(); !strings.HasPrefix(shown, fmt.Sprintf("%d %d\r\n", seatRows, seatColumns)) {
			t.Errorf("the screen began with %q", shown)
		}
		s.ends(0)
	}
}

// 2>err works with a terminal too.
func testStderrApart(t *testing.T, p *place) {
	c := p.command("nixproxy", "run", "--", "sh", "-c", "echo shown; test -t 1 && echo terminal; test -t 2 || echo apart >&2")
	var apart bytes.Buffer
	c.Stderr = &apart
	s := p.sit(t, c)
	s.sees("shown\r\nterminal\r\n")
	s.ends(0)
	if apart.String() != "apart\n" {
		t.Errorf("stderr was %q", apart.String())
	}
}

// --tty gives the command a terminal where the caller has none.
func testTerminalForced(t *testing.T, p *place) {
	for _, flag := range []string{"-t", "--tty"} {
		output, err := p.command("nixproxy", "run", flag, "--", "sh", "-c", "test -t 0 && stty size").Output()
		if err != nil || string(output) != "24 80\r\n" {
			t.Errorf("%s: %q, %v", flag, output, err)
		}
	}
}

// --no-tty and its variable give it none where the caller has one.
func testTerminalRefused(t *testing.T, p *place) {
	for _, c := range []*exec.Cmd{
		p.command("nixproxy", "run", "-T", "--", "sh", "-c", "for i in 0 1 2; do test -t $i || echo $i is none; done"),
		p.with("NIXPROXY_NO_TTY=1").command("nixproxy", "run", "--", "sh", "-c", "for i in 0 1 2; do test -t $i || echo $i is none; done"),
	} {
		s := p.sit(t, c)
		s.sees("0 is none\r\n1 is none\r\n2 is none\r\n")
		s.ends(0)
	}
	for _, without := range []func(*exec.Cmd){
		func(c *exec.Cmd) { c.Stdin = strings.NewReader("") },
		func(c *exec.Cmd) { c.Stdout = io.Discard },
	} {
		c := p.command("nixproxy", "run", "--", "sh", "-c", "for i in 0 1 2; do test -t $i || echo $i is none >&2; done")
		without(c)
		s := p.sit(t, c)
		s.sees("0 is none\r\n1 is none\r\n2 is none\r\n")
		s.ends(0)
	}
}

var forwarded = []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2}

// Each signal reaches the command and its children, again and again.
func testTerminalSignals(t *testing.T, p *place, tty bool) {
	dir := p.dir + "/" + filepath.Base(t.Name())
	p.write(t, filepath.Base(t.Name())+".sh", nothing+`
for s in INT TERM HUP QUIT USR1 USR2; do trap "echo $1 got $s; test $1 = parent || exit 0" $s; done
if [ $1 = parent ]; then while :; do bash "$0" child; done; fi
echo ready; `+forEver)
	for _, transport := range transports {
		c := p.over(transport).command("nixproxy", "run", "--", "bash", dir+".sh", "parent")
		if !tty {
			c.Args = append(c.Args[:2:2], append([]string{"-T"}, c.Args[2:]...)...)
		}
		s := p.sit(t, c)
		for range 2 {
			for _, signal := range forwarded {
				s.sees("ready")
				s.signal(signal)
				name := strings.TrimPrefix(unix.SignalName(signal), "SIG")
				s.sees("child got " + name)
				s.sees("parent got " + name)
			}
		}
		s.sees("ready")
		s.signal(unix.SIGKILL) // of which the terminal knows nothing
	}
}

// 128+n, and the terminal as it was. A shell whose loop this is goes on unless it
// sees SIGINT's own doing.
func testEndedBySignal(t *testing.T, p *place) {
	// tail says so itself: the shell before it ignores QUIT.
	p.write(t, "ready", "ready\n")
	for _, signal := range forwarded {
		for _, flags := range [][]string{nil, {"-T"}} {
			argv := append(append([]string{"nixproxy", "run"}, flags...), "--", "sh", "-c", "ulimit -c 0; exec tail -f ready")
			s := p.sit(t, p.command(argv...))
			s.sees("ready")
			s.signal(signal)
			if signal == unix.SIGINT {
				s.endsAs("signal: interrupt")
			} else {
				s.ends(128 + int(signal))
			}
		}
	}
}

// job starts the caller's own shell with job control.
func (p *place) job(t *testing.T) *seat {
	t.Helper()
	s := p.sit(t, p.with("PS1=> ", "HISTFILE=").command("bash", "--norc", "--noprofile", "-i"))
	s.sees("> ")
	return s
}

// Ctrl-Z stops nixproxy as it would the command, fg continues both, and bg too.
func testCallersJob(t *testing.T, p *place) {
	m := newMark()
	s := p.job(t)
	s.types("nixproxy run -- sh -c 'stty -echo; echo started; sleep " + string(m) + "; echo slept; read line; echo got $line'\r")
	s.sees("started\r\n")
	m.comesTo(t, "S") // a shell that is stopped before starts none
	s.types("\x1a")
	s.sees("Stopped")
	m.comesTo(t, "T")
	s.sees("> ")
	s.types("echo $((6*7))\r") // the shell has its terminal back
	s.sees("42\r\n")
	s.resize(90, 20)
	s.types("bg\r")
	m.comesTo(t, "S")
	s.types("echo $((6*8))\r")
	s.sees("48\r\n")
	s.types("fg\r")
	s.sees("nixproxy run")
	s.untilRaw()
	s.types("\x1a")
	s.sees("Stopped")
	m.comesTo(t, "T")
	s.types("fg\r")
	s.sees("fg\r\n")
	m.comesTo(t, "S")
	s.untilRaw()
	s.types("\x03")
	s.sees("> ")
	s.types("echo status $?\r")
	s.sees("status 130\r\n")
	s.types("exit\r")
	s.ends(0)
}

// untilRaw waits until the terminal is nixproxy's again.
func (s *seat) untilRaw() {
	s.t.Helper()
	for begin := time.Now(); s.modes().Iflag&unix.ICRNL != 0 || s.modes().Oflag&unix.OPOST != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > slowest {
			s.t.Fatalf("no raw mode; the screen showed %q", s.shown())
		}
	}
}

func testCallersJobWithoutTerminal(t *testing.T, p *place) {
	m := newMark()
	s := p.job(t)
	s.types("nixproxy run -- sh -c 'echo started >&2; sleep " + string(m) + "' | cat; echo status ${PIPESTATUS[0]}\r")
	s.sees("started\r\n")
	m.comesTo(t, "S") // a shell that is stopped before starts none
	s.types("\x1a")
	s.sees("Stopped")
	m.comesTo(t, "T")
	s.sees("> ")
	s.types("fg\r")
	m.comesTo(t, "S")
	s.types("\x03")
	s.sees("> ")
	m.comesTo(t, "")
	s.types("exit\r")
	s.ends(130)
}

// A job in the background writes to the terminal, and is not stopped for a stdin
// that it does not read.
func testBackground(t *testing.T, p *place) {
	s := p.job(t)
	p.write(t, "gate.sh", "until test -e gate; do sleep 0.05; done; rm gate; echo through >&2")
	for _, redirection := range []string{"", ">/dev/null"} {
		s.types("nixproxy run -- bash gate.sh " + redirection + " &\r")
		s.sees("[1] ")
		s.types("typed \x15echo $((6*7))\r") // none of it is the job's
		s.sees("42\r\n")
		p.write(t, "gate", "")
		s.sees("through")
		s.types("wait; echo status $?\r")
		s.sees("status 0")
	}
	s.types("exit\r")
	s.ends(0)
}

// A container that dies under its command is told of in one line, on a terminal
// that is whole.
func testContainerKilled(t *testing.T, p *place) {
	for _, transport := range transports {
		p := p.another(t)
		s := p.sit(t, p.over(transport).command("nixproxy", "run", "--", "sh", "-c", "echo ready; exec sleep 300"))
		s.sees("ready\r\n")
		if err := p.engine.ContainerKill(context.Background(), p.container(t), "KILL"); err != nil {
			t.Fatal(err)
		}
		s.sees("nixproxy:")
		s.sees("was lost while the command ran")
		s.ends(125)
	}
}

// soon is how long a tree may live without its client.
const soon = 2 * time.Second

// The whole tree of a command ends with its terminal, what ignores SIGHUP and
// what has left the session included.
func testTerminalClosed(t *testing.T, p *place) {
	buildSetsid(t, p.dir)
	p.write(t, "tree.sh", `trap "" HUP
./setsid sleep $1 &
sh -c "sleep $1" &
echo ready >&2
sleep $1`)
	for _, transport := range transports {
		for _, flag := range []string{"-t", "-T"} {
			m := newMark()
			s := p.sit(t, p.over(transport).command("nixproxy", "run", flag, "--", "bash", "tree.sh", string(m)))
			s.sees("ready\r\n")
			m.comesTo(t, "SSS")
			s.user.Close()
			m.endsWithin(t, soon)
			<-s.ended
		}
	}
}

// What the caller ignores stays ignored.
func testNohup(t *testing.T, p *place) {
	p.write(t, "nohup.sh", "echo ready; until test -e nohup.gate; do sleep 0.05; done; echo done")
	c := p.command("bash", "-c", "trap '' HUP INT; exec nixproxy run -T -- bash nohup.sh")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Stdout, c.Stderr = w, w
	s := p.sit(t, c)
	w.Close()
	output := bufio.NewReader(r)
	if line, err := output.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	s.signal(unix.SIGINT)
	s.user.Close()
	p.write(t, "nohup.gate", "")
	rest, err := io.ReadAll(output)
	if <-s.ended; err != nil || string(rest) != "done\n" || !s.program.ProcessState.Success() {
		t.Errorf("%q, %v, %v", rest, err, s.program.ProcessState)
	}
}

// A nixproxy that somebody makes crash leaves a terminal that is whole.
func testCrash(t *testing.T, p *place) {
	for _, signal := range []syscall.Signal{unix.SIGABRT, unix.SIGSEGV} {
		s := p.sit(t, p.command("nixproxy", "run", "--", "sh", "-c", "echo ready; exec sleep 300"))
		s.sees("ready")
		s.untilRaw()
		s.signal(signal)
		s.endsAs("")
	}
}

// Ctrl-C ends the loop or the script that a command is in, as it does here.
func testLoop(t *testing.T, p *place) {
	for _, run := range []string{"", "nixproxy run --"} {
		m := newMark()
		s := p.job(t)
		s.types("for i in 1 2; do echo turn $i; " + run + " sleep " + string(m) + "; done\r")
		s.sees("turn 1\r\n")
		m.comesTo(t, "S")
		if run != "" {
			s.untilRaw()
		}
		s.types("\x03")
		s.sees("> ")
		s.types("echo $((6*7)); exit 3\r")
		if between := s.sees("42\r\n"); strings.Contains(between, "turn") {
			t.Errorf("with %q the loop went on: %q", run, between)
		}
		s.ends(3)

		s = p.sit(t, p.command("bash", "-c", run+" sleep "+string(m)+"; echo the script went on"))
		m.comesTo(t, "S")
		if run != "" {
			s.untilRaw()
		}
		s.types("\x03")
		s.endsAs("signal: interrupt")
	}
}

// The command's terminal has the control characters and flags of the caller's.
func testModes(t *testing.T, p *place) {
	s := p.sit(t, p.command("bash", "-c", "stty intr ^X susp undef erase ^H -ixon -echo; exec nixproxy run -- sh -c 'stty -a | tr \";\" \"\\n\"; echo end'"))
	shown := s.sees("end\r\n")
	for _, want := range []string{"intr = ^X", "susp = <undef>", "erase = ^H", "-ixon", "-echo ", "icanon"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in %q", want, shown)
		}
	}
	<-s.ended
}

// Keys that are typed for another program of a pipeline are not the command's.
func testPager(t *testing.T, p *place) {
	s := p.job(t)
	s.types("nixproxy run -- sh -c 'echo ready >&2; cat >&2' | bash -c 'read -rsn50 keys </dev/tty; echo the pager got $keys; cat'\r")
	s.sees("ready\r\n")
	s.untilByKey()
	for range 50 {
		s.types("q")
	}
	s.sees("the pager got " + strings.Repeat("q", 50) + "\r\n")
	s.types("a line\r")
	s.sees("a line\r\n")
	s.sees("a line\r\n") // the echo, and what the command has read
	s.types("\x04exit\r")
	s.ends(0)
}

// untilByKey waits until somebody reads keys one by one.
func (s *seat) untilByKey() {
	s.t.Helper()
	for begin := time.Now(); s.modes().Lflag&unix.ICANON != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > slowest {
			s.t.Fatalf("nobody reads keys; the screen showed %q", s.shown())
		}
	}
}
