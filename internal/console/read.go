package console

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// again is when somebody else's terminal is looked at again: no event tells
// that it has changed hands.
const again = 50 * time.Millisecond

// ErrHungUp says that the terminal is gone, which is not something that was
// typed: in raw mode nobody can type an end.
var ErrHungUp = errors.New("the terminal is gone")

// Read reads what is typed, as long as it is typed for this process. A command
// may never read its stdin, and is not to be stopped for that in the background
// (SIGTTIN), nor to take the keys from a pager at the end of its pipeline.
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
		time.Sleep(again)
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

// await returns when there is something to read, whoever it is for. It is
// select(2), as poll(2) of macOS does not know terminals.
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

// ours tells whether what is typed is for this process. A line is; single keys
// are for who has asked for them.
func (c *Console) ours() bool {
	return c.Foreground() && (c.isRaw() || c.byLine())
}

func (c *Console) byLine() bool {
	t, err := unix.IoctlGetTermios(int(c.in.Fd()), getTermios)
	return err != nil || t.Lflag&unix.ICANON != 0 // the read will tell of the error
}
