package console

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// open returns the two sides of a terminal: the user's and the program's.
func open(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close(); program.Close() })
	return user, program
}

func modesOf(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil {
		t.Fatal(err)
	}
	return *modes
}

func plain(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestWhichStreamsAreTerminals(t *testing.T) {
	_, terminal := open(t)
	_, another := open(t)
	file := plain(t)
	for _, test := range []struct {
		name               string
		in                 io.Reader
		out, err           *os.File
		isIn, isOut, apart bool
	}{
		{"all", terminal, terminal, terminal, true, true, false},
		{"stdin piped", strings.NewReader(""), terminal, terminal, false, true, false},
		{"stdout to a file", terminal, file, terminal, true, false, false},
		{"stderr to a file", terminal, terminal, file, true, true, true},
		{"stderr to another terminal", terminal, terminal, another, true, true, true},
		{"only stderr", file, file, terminal, false, false, true},
		{"none", file, file, file, false, false, true},
	} {
		c := New(test.in, test.out, test.err)
		if c.In() != test.isIn || c.Out() != test.isOut || c.ErrApart() != test.apart {
			t.Errorf("%s: in %v, out %v, stderr apart %v", test.name, c.In(), c.Out(), c.ErrApart())
		}
	}
}

func TestSize(t *testing.T) {
	user, terminal := open(t)
	if err := pty.Setsize(user, &pty.Winsize{Cols: 101, Rows: 33, X: 808, Y: 528}); err != nil {
		t.Fatal(err)
	}
	file := plain(t)
	want := Size{Columns: 101, Rows: 33, Width: 808, Height: 528}
	for name, c := range map[string]*Console{
		"stdout": New(file, terminal, file), "stdin": New(terminal, file, file), "stderr": New(file, file, terminal),
	} {
		if got := c.Size(); got != want {
			t.Errorf("by %s: %v", name, got)
		}
	}
	if got := New(file, file, file).Size(); got != (Size{Columns: 80, Rows: 24}) {
		t.Errorf("without a terminal: %v", got)
	}
}

func TestResized(t *testing.T) {
	_, terminal := open(t)
	c := New(terminal, terminal, terminal)
	resized := c.Resized()
	// The kernel signals only the terminal's own job, to which the tests do not belong.
	if err := unix.Kill(unix.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	select {
	case <-resized:
	case <-time.After(10 * time.Second):
		t.Error("no signal came")
	}
}

func TestRawIsUndoneOnce(t *testing.T) {
	_, terminal := open(t)
	before := modesOf(t, terminal)
	c := New(terminal, terminal, terminal)
	c.Restore()
	if c.Controlling() {
		t.Error("a terminal that this process has only opened is its own")
	}
	if got := modesOf(t, terminal); got != before {
		t.Errorf("without raw mode, Restore changed %v to %v", before, got)
	}
	for range 2 { // a process that was stopped and continued
		if !c.Raw() {
			t.Fatal("not in the foreground")
		}
	}
	if got := modesOf(t, terminal); got.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 || got.Iflag&unix.ICRNL != 0 || got.Oflag&unix.OPOST != 0 {
		t.Errorf("raw mode is %v", got)
	}
	c.Restore()
	if got := modesOf(t, terminal); got != before {
		t.Errorf("%v was restored as %v", before, got)
	}
	changed := before
	changed.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(terminal.Fd()), setTermios, &changed); err != nil {
		t.Fatal(err)
	}
	c.Restore()
	if got := modesOf(t, terminal); got != changed {
		t.Errorf("a second Restore changed %v to %v", changed, got)
	}
}

func TestRawNeedsNoTerminal(t *testing.T) {
	_, terminal := open(t)
	before := modesOf(t, terminal)
	c := New(plain(t), terminal, terminal)
	if !c.Raw() || modesOf(t, terminal) != before {
		t.Error("raw mode was set without stdin")
	}
	c.Restore()
}

func TestModes(t *testing.T) {
	_, terminal := open(t)
	c := New(terminal, terminal, terminal)
	set := modesOf(t, terminal)
	set.Cc[unix.VINTR], set.Cc[unix.VSUSP] = 'X'-'@', disabled
	set.Iflag = set.Iflag&^unix.IXON | unix.IUTF8
	set.Lflag = set.Lflag&^unix.ECHO | unix.ICANON
	set.Oflag |= unix.ONLCR
	if err := unix.IoctlSetTermios(int(terminal.Fd()), setTermios, &set); err != nil {
		t.Fatal(err)
	}
	modes := c.Modes()
	for code, want := range map[uint8]uint32{
		ssh.VINTR: 'X' - '@', ssh.VSUSP: 255, ssh.VERASE: uint32(set.Cc[unix.VERASE]), ssh.VEOF: 4, ssh.VWERASE: 'W' - '@',
		ssh.IXON: 0, ssh.IUTF8: 1, ssh.ECHO: 0, ssh.ICANON: 1, ssh.ONLCR: 1,
	} {
		if got, ok := modes[code]; !ok || got != want {
			t.Errorf("mode %d is %d (%v), want %d", code, got, ok, want)
		}
	}
	file := plain(t)
	if modes := New(file, terminal, terminal).Modes(); modes != nil {
		t.Errorf("without stdin: %v", modes)
	}
}

// typed starts one read and returns a channel for its result.
func typed(c *Console) <-chan string {
	got := make(chan string, 1)
	go func() {
		p := make([]byte, 100)
		n, err := c.Read(p)
		if err != nil {
			got <- "error"
			return
		}
		got <- string(p[:n])
	}()
	return got
}

func expect(t *testing.T, from <-chan string, want string) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%q was not read", want)
	}
}

func TestReadRaw(t *testing.T) {
	user, terminal := open(t)
	c := New(terminal, terminal, terminal)
	c.Raw()
	const keys = "\x03\x10\x11\x1a\r\x04"
	user.WriteString(keys)
	expect(t, typed(c), keys)
	c.Restore()
	user.WriteString("line\r")
	expect(t, typed(c), "line\n")
}

// A pager reads the keys that are typed for it.
func TestKeysForAnotherAreLeftToIt(t *testing.T) {
	user, terminal := open(t)
	pager, command := New(terminal, terminal, terminal), New(terminal, plain(t), terminal)
	pager.Raw()
	stolen := typed(command)
	for _, key := range []string{"q", "\r"} {
		user.WriteString(key)
		// The command sees each key and leaves it alone, before the pager reads it.
		select {
		case got := <-stolen:
			t.Fatalf("the command read %q", got)
		case <-time.After(2 * pollInterval):
		}
		expect(t, typed(pager), key)
	}
	pager.Restore()
	user.WriteString("for the command\r")
	expect(t, stolen, "for the command\n")
}

func TestGone(t *testing.T) {
	user, terminal := open(t)
	c := New(terminal, terminal, terminal)
	c.Raw()
	got := typed(c)
	if c.Gone() {
		t.Error("the terminal is gone before its end")
	}
	user.Close()
	expect(t, got, "error")
	if !c.Gone() {
		t.Error("the terminal is there after its end")
	}
	c.Restore()
	file := plain(t)
	if New(file, file, file).Gone() {
		t.Error("what never was is gone")
	}
}
