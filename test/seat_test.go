package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A seat is a user's at a terminal, with one program on it.
type seat struct {
	t        *testing.T
	user     *os.File // keys in, screen out
	terminal *os.File
	before   unix.Termios
	program  *exec.Cmd
	ended    chan struct{} // when the program has

	mu     sync.Mutex
	screen []byte
	seen   int           // how much of it the test has looked at
	more   chan struct{} // there is something on it that is new
}

const seatColumns, seatRows = 100, 30

// sit starts a command of the caller's on a terminal of its own, as its session's
// leader. Files in it replace the terminal as stdin, stdout or stderr.
func (p *place) sit(t *testing.T, c *exec.Cmd) *seat {
	t.Helper()
	user, terminal, err := pty.Open()
	if err == nil {
		err = pty.Setsize(user, &pty.Winsize{Cols: seatColumns, Rows: seatRows})
	}
	if err != nil {
		t.Fatal(err)
	}
	// Package pty leaves it blocking, where a Close waits for the Read under way.
	if err := unix.SetNonblock(int(user.Fd()), true); err != nil {
		t.Fatal(err)
	}
	s := &seat{t: t, user: user, terminal: terminal, program: c, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	s.before = s.modes()
	c.Env = append(c.Env, "TERM=xterm-256color")
	if c.Stdin == nil {
		c.Stdin = terminal
	}
	if c.Stdout == nil {
		c.Stdout = terminal
	}
	if c.Stderr == nil {
		c.Stderr = terminal
	}
	own, err := os.OpenFile(terminal.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	c.ExtraFiles = []*os.File{own}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		<-s.ended
		user.Close()
		terminal.Close()
	})
	go s.watch()
	go func() { c.Wait(); close(s.ended) }()
	return s
}

// watch keeps what the screen shows.
func (s *seat) watch() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.user.Read(buffer)
		s.mu.Lock()
		s.screen = append(s.screen, buffer[:n]...)
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *seat) types(keys string) {
	s.t.Helper()
	if _, err := s.user.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// sees waits until the screen has shown this since the last time, and returns
// what was on it before.
func (s *seat) sees(text string) string {
	s.t.Helper()
	late := time.After(slowest)
	for {
		s.mu.Lock()
		before, _, found := bytes.Cut(s.screen[s.seen:], []byte(text))
		if found {
			s.seen += len(before) + len(text)
			s.mu.Unlock()
			return string(before)
		}
		s.mu.Unlock()
		select {
		case <-s.more:
		case <-late:
			s.t.Fatalf("the screen never showed %q, but %q", text, s.shown())
		}
	}
}

// shown is all that the screen has shown, with where the test has looked to.
func (s *seat) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.screen[:s.seen]) + "█" + string(s.screen[s.seen:])
}

// ends waits for the program's end, with this exit status and a terminal as it was.
func (s *seat) ends(status int) {
	s.t.Helper()
	s.endsAs(fmt.Sprintf("exit status %d", status))
}

// endsAs is ends for any end, in the words of os.ProcessState; empty is all one.
func (s *seat) endsAs(want string) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(slowest):
		s.t.Fatalf("%q did not end; the screen showed %q", s.program.Args, s.shown())
	}
	if got := s.program.ProcessState.String(); want != "" && got != want {
		s.t.Errorf("%q: %s, want %s; the screen showed %q", s.program.Args, got, want, s.shown())
	}
	if after := s.modes(); after != s.before {
		s.t.Errorf("%q left the terminal as %v; it was %v", s.program.Args, after, s.before)
	}
}

func (s *seat) modes() unix.Termios {
	s.t.Helper()
	modes, err := unix.IoctlGetTermios(int(s.terminal.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *modes
}

func (s *seat) resize(columns, rows uint16) {
	s.t.Helper()
	if err := pty.Setsize(s.user, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *seat) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.program.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// A mark is an argument for sleep by which a test knows its own processes, here
// and in containers.
type mark string

var marks struct {
	sync.Mutex
	made int
}

func newMark() mark {
	marks.Lock()
	defer marks.Unlock()
	marks.made++
	return mark(fmt.Sprintf("3000.%d%04d", os.Getpid(), marks.made))
}

// states are those of the processes that sleep so: S sleeps, T is stopped.
func (m mark) states() string {
	var states strings.Builder
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		command, _ := os.ReadFile(file)
		argv := strings.Split(string(command), "\x00") // the last one is empty
		if len(argv) != 3 || filepath.Base(argv[0]) != "sleep" || argv[1] != string(m) {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		if at := bytes.LastIndexByte(stat, ')'); err == nil && at+2 < len(stat) {
			states.WriteByte(stat[at+2])
		}
	}
	return states.String()
}

// comesTo waits until the processes with this mark have these states.
func (m mark) comesTo(t *testing.T, states string) {
	t.Helper()
	late := time.After(slowest)
	m.awaits(t, states, func() bool { return isOver(late) })
}

// endsWithin waits until there is no process with this mark, by a stopwatch.
func (m mark) endsWithin(t *testing.T, limit time.Duration) {
	t.Helper()
	watch := startStopwatch(t)
	m.awaits(t, "", func() bool { return watch.elapsed() > limit })
}

func (m mark) awaits(t *testing.T, states string, late func() bool) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		over := late() // before the last look
		got := m.states()
		if got == states {
			return
		}
		if over {
			t.Fatalf("after %v the states of sleep %s are %q, not %q", time.Since(begin), m, got, states)
		}
	}
}

func isOver(timer <-chan time.Time) bool {
	select {
	case <-timer:
		return true
	default:
		return false
	}
}
