//go:build linux && acceptance

// Package terminal runs programs on pseudo-terminals, types, and reads the screen.
package terminal

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/test/harness"
)

// A Terminal is a user's at a terminal, with one program on it.
type Terminal struct {
	t        *testing.T
	User     *os.File // keys in, screen out
	terminal *os.File
	before   unix.Termios
	Program  *exec.Cmd
	Ended    chan struct{} // when the program has

	mu     sync.Mutex
	screen []byte
	seen   int           // how much of it the test has looked at
	more   chan struct{} // there is something on it that is new
}

const Columns, Rows = 100, 30

// Start starts a command of the caller's on a terminal of its own, as its session's
// leader. Files in it replace the terminal as stdin, stdout or stderr.
func Start(t *testing.T, c *exec.Cmd) *Terminal {
	t.Helper()
	user, terminal, err := pty.Open()
	if err == nil {
		err = pty.Setsize(user, &pty.Winsize{Cols: Columns, Rows: Rows})
	}
	if err != nil {
		t.Fatal(err)
	}
	// Package pty leaves it blocking, where a Close waits for the Read under way.
	if err := unix.SetNonblock(int(user.Fd()), true); err != nil {
		t.Fatal(err)
	}
	term := &Terminal{t: t, User: user, terminal: terminal, Program: c, Ended: make(chan struct{}), more: make(chan struct{}, 1)}
	term.before = term.modes()
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
		<-term.Ended
		user.Close()
		terminal.Close()
	})
	go term.keepScreen()
	go func() { c.Wait(); close(term.Ended) }()
	return term
}

// keepScreen keeps what the screen shows.
func (term *Terminal) keepScreen() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := term.User.Read(buffer)
		term.mu.Lock()
		term.screen = append(term.screen, buffer[:n]...)
		term.mu.Unlock()
		select {
		case term.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// Type sends keys.
func (term *Terminal) Type(keys string) {
	term.t.Helper()
	if _, err := term.User.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// Await waits until the screen has shown this since the last time, and returns
// what was on it before.
func (term *Terminal) Await(text string) string {
	term.t.Helper()
	late := time.After(harness.Limit)
	for {
		term.mu.Lock()
		before, _, found := bytes.Cut(term.screen[term.seen:], []byte(text))
		if found {
			term.seen += len(before) + len(text)
			term.mu.Unlock()
			return string(before)
		}
		term.mu.Unlock()
		select {
		case <-term.more:
		case <-late:
			term.t.Fatalf("the screen never showed %q, but %q", text, term.Shown())
		}
	}
}

// Shown is all that the screen has shown, with where the test has looked to.
func (term *Terminal) Shown() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return string(term.screen[:term.seen]) + "█" + string(term.screen[term.seen:])
}

// AwaitRaw waits until the terminal is nixproxy's again.
func (term *Terminal) AwaitRaw() {
	term.t.Helper()
	for begin := time.Now(); term.modes().Iflag&unix.ICRNL != 0 || term.modes().Oflag&unix.OPOST != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > harness.Limit {
			term.t.Fatalf("no raw mode; the screen showed %q", term.Shown())
		}
	}
}

// AwaitKeyMode waits until somebody reads keys one by one.
func (term *Terminal) AwaitKeyMode() {
	term.t.Helper()
	for begin := time.Now(); term.modes().Lflag&unix.ICANON != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > harness.Limit {
			term.t.Fatalf("nobody reads keys; the screen showed %q", term.Shown())
		}
	}
}

// ExpectStatus waits for the program's end, with this exit status and a terminal as it was.
func (term *Terminal) ExpectStatus(status int) {
	term.t.Helper()
	term.ExpectEnd(fmt.Sprintf("exit status %d", status))
}

// ExpectEnd is ends for any end, in the words of os.ProcessState; empty is all one.
func (term *Terminal) ExpectEnd(want string) {
	term.t.Helper()
	select {
	case <-term.Ended:
	case <-time.After(harness.Limit):
		term.t.Fatalf("%q did not end; the screen showed %q", term.Program.Args, term.Shown())
	}
	if got := term.Program.ProcessState.String(); want != "" && got != want {
		term.t.Errorf("%q: %s, want %s; the screen showed %q", term.Program.Args, got, want, term.Shown())
	}
	if after := term.modes(); after != term.before {
		term.t.Errorf("%q left the terminal as %v; it was %v", term.Program.Args, after, term.before)
	}
}

func (term *Terminal) modes() unix.Termios {
	term.t.Helper()
	modes, err := unix.IoctlGetTermios(int(term.terminal.Fd()), unix.TCGETS)
	if err != nil {
		term.t.Fatal(err)
	}
	return *modes
}

// Resize gives the terminal another size, as a window does.
func (term *Terminal) Resize(columns, rows uint16) {
	term.t.Helper()
	if err := pty.Setsize(term.User, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		term.t.Fatal(err)
	}
}

// Signal sends a signal to the program alone.
func (term *Terminal) Signal(signal syscall.Signal) {
	term.t.Helper()
	if err := term.Program.Process.Signal(signal); err != nil {
		term.t.Fatal(err)
	}
}
