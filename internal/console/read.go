package console

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// pollInterval is the time between two checks of a terminal that another process reads: no
// event tells when that changes.
const pollInterval = 50 * time.Millisecond

// ErrHungUp says that the terminal is gone. It is not io.EOF, which means that the user has
// typed the end; in raw mode that is impossible.
var ErrHungUp = errors.New("the terminal is gone")

// Read reads what is typed for this process, and leaves alone what is typed for others. The
// command may never use its stdin: this process must not be stopped in the background for
// reading it (SIGTTIN), nor take the keys from a pager at the end of the pipeline.
func (c *Console) Read(p []byte) (int, error) {
	if c.in == nil {
		return 0, io.EOF
	}
	for {
		if err := c.await(); err != nil {
			return 0, err
		}
		if c.ours() {
			return c.read(p)
		}
		time.Sleep(pollInterval)
	}
}

func (c *Console) read(p []byte) (int, error) {
	raw := c.isRaw()
	n, err := c.in.Read(p)
	if err != nil && (raw || c.Gone()) {
		err = ErrHungUp
	}
	return n, err
}

// await returns when there is something to read, for this process or another. It uses
// select(2), because poll(2) of macOS does not support terminals.
func (c *Console) await() error {
	fd := int(c.in.Fd())
	for {
		var set unix.FdSet
		set.Set(fd)
		_, err := unix.Select(fd+1, &set, nil, nil, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ours reports whether the input is for this process. A line is; single keys are for the
// process that has set the terminal to such a mode.
func (c *Console) ours() bool {
	return c.Foreground() && (c.isRaw() || c.byLine())
}

// byLine reports whether the terminal delivers lines.
func (c *Console) byLine() bool {
	t, err := unix.IoctlGetTermios(int(c.in.Fd()), getTermios)
	return err != nil || t.Lflag&unix.ICANON != 0 // the read returns the error
}
