// Package console handles the caller's terminal: its size, its modes, raw mode, and which
// process may read from it.
package console

import (
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// A Console is the terminal of the caller's standard streams, as far as these are one.
type Console struct {
	in, out, err *os.File // nil where the stream is no terminal

	mu    sync.Mutex
	saved *term.State // the state before raw mode; nil when it is not set
}

// New finds the terminals among the caller's streams.
func New(in io.Reader, out, err *os.File) *Console {
	c := &Console{out: terminal(out), err: terminal(err)}
	if f, ok := in.(*os.File); ok {
		c.in = terminal(f)
	}
	return c
}

func terminal(f *os.File) *os.File {
	if f == nil || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// In reports whether stdin is a terminal.
func (c *Console) In() bool { return c.in != nil }

// Out reports whether stdout is a terminal.
func (c *Console) Out() bool { return c.out != nil }

// ErrApart reports whether stderr goes elsewhere than to the terminal of stdin and stdout.
func (c *Console) ErrApart() bool {
	shown := c.out
	if shown == nil {
		shown = c.in
	}
	return shown == nil || c.err == nil || device(shown) != device(c.err)
}

func device(f *os.File) uint64 {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return 0
	}
	return uint64(stat.Rdev) //nolint:unconvert // another type on macOS
}

// any returns one of the streams that are the terminal, or nil.
func (c *Console) any() *os.File {
	for _, f := range []*os.File{c.out, c.in, c.err} {
		if f != nil {
			return f
		}
	}
	return nil
}

// Gone reports whether there was a terminal and it has been closed.
func (c *Console) Gone() bool {
	f := c.any()
	return f != nil && !term.IsTerminal(int(f.Fd()))
}

// A Size is a terminal's size, in characters and, where known, in pixels.
type Size struct{ Columns, Rows, Width, Height uint32 }

// defaultSize is the size of a terminal that nobody looks at.
var defaultSize = Size{Columns: 80, Rows: 24}

// Size returns the terminal's size; without a terminal, 80x24.
func (c *Console) Size() Size {
	f := c.any()
	if f == nil {
		return defaultSize
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return defaultSize
	}
	return Size{Columns: uint32(size.Col), Rows: uint32(size.Row), Width: uint32(size.Xpixel), Height: uint32(size.Ypixel)}
}

// Resized returns a channel that gets a signal when the terminal's size has changed.
func (c *Console) Resized() <-chan os.Signal {
	resized := make(chan os.Signal, 1) // the latest size is all that matters
	if c.any() != nil {
		signal.Notify(resized, unix.SIGWINCH)
	}
	return resized
}

// Raw sets raw mode: each byte arrives as it is typed. A job in the background may not
// change the terminal of the job in the foreground: there Raw does nothing and returns
// false. It can be called again, such as after this process was stopped.
func (c *Console) Raw() bool {
	if c.in == nil {
		return true
	}
	if !c.Foreground() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before, err := term.MakeRaw(int(c.in.Fd()))
	if err == nil && c.saved == nil {
		c.saved = before
	}
	return true // a terminal that is gone will never be raw
}

// Restore undoes raw mode; when it is not set, Restore does nothing.
func (c *Console) Restore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.saved != nil {
		_ = term.Restore(int(c.in.Fd()), c.saved) // fails only on a terminal that is gone
		c.saved = nil
	}
}

func (c *Console) isRaw() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saved != nil
}
