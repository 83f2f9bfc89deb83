package server

import (
	"errors"
	"fmt"
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/session"
)

// openTerminal makes a terminal like the caller's.
func openTerminal(like session.Terminal) (ours, theirs *os.File, err error) {
	ours, theirs, err = pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("making a terminal: %w", err)
	}
	err = applyModes(theirs, like.Modes)
	if err == nil {
		err = resize(ours, like.Size)
	}
	pollable, more := nonBlocking(ours)
	if err = errors.Join(err, more); err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("making a terminal: %w", err)
	}
	return pollable, theirs, nil
}

// nonBlocking replaces a file by one that can be read with a deadline.
func nonBlocking(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// resize sets a terminal's size. The kernel signals the job in the foreground. The size
// 0x0 means that the caller's terminal does not know its size.
func resize(terminal *os.File, s session.Size) error {
	if s.Columns == 0 || s.Rows == 0 {
		return nil
	}
	raw, err := terminal.SyscallConn() // Fd would make it blocking
	if err != nil {
		return err
	}
	size := &unix.Winsize{Col: uint16(s.Columns), Row: uint16(s.Rows), Xpixel: uint16(s.Width), Ypixel: uint16(s.Height)}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	return errors.Join(err, failed)
}
