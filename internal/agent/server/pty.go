package server

import (
	"errors"
	"fmt"
	"os"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
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

// nonBlocking makes of a file one that can be read with a deadline, in place of it.
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

// resize sets a terminal's size; the kernel tells the job in the foreground.
// 0x0 is what a terminal says that does not know.
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

// Where a terminal's characters and flags of RFC 4254, section 8, are in
// Linux's termios.
var (
	characters = map[uint8]int{
		ssh.VINTR: unix.VINTR, ssh.VQUIT: unix.VQUIT, ssh.VERASE: unix.VERASE, ssh.VKILL: unix.VKILL, ssh.VEOF: unix.VEOF,
		ssh.VEOL: unix.VEOL, ssh.VEOL2: unix.VEOL2, ssh.VSTART: unix.VSTART, ssh.VSTOP: unix.VSTOP, ssh.VSUSP: unix.VSUSP,
		ssh.VREPRINT: unix.VREPRINT, ssh.VWERASE: unix.VWERASE, ssh.VLNEXT: unix.VLNEXT, ssh.VDISCARD: unix.VDISCARD,
	}
	inputFlags = map[uint8]uint32{
		ssh.IGNPAR: unix.IGNPAR, ssh.PARMRK: unix.PARMRK, ssh.INPCK: unix.INPCK, ssh.ISTRIP: unix.ISTRIP, ssh.INLCR: unix.INLCR,
		ssh.IGNCR: unix.IGNCR, ssh.ICRNL: unix.ICRNL, ssh.IUCLC: unix.IUCLC, ssh.IXON: unix.IXON, ssh.IXANY: unix.IXANY,
		ssh.IXOFF: unix.IXOFF, ssh.IMAXBEL: unix.IMAXBEL, ssh.IUTF8: unix.IUTF8,
	}
	localFlags = map[uint8]uint32{
		ssh.ISIG: unix.ISIG, ssh.ICANON: unix.ICANON, ssh.XCASE: unix.XCASE, ssh.ECHO: unix.ECHO, ssh.ECHOE: unix.ECHOE,
		ssh.ECHOK: unix.ECHOK, ssh.ECHONL: unix.ECHONL, ssh.NOFLSH: unix.NOFLSH, ssh.TOSTOP: unix.TOSTOP, ssh.IEXTEN: unix.IEXTEN,
		ssh.ECHOCTL: unix.ECHOCTL, ssh.ECHOKE: unix.ECHOKE, ssh.PENDIN: unix.PENDIN,
	}
	outputFlags = map[uint8]uint32{
		ssh.OPOST: unix.OPOST, ssh.OLCUC: unix.OLCUC, ssh.ONLCR: unix.ONLCR, ssh.OCRNL: unix.OCRNL, ssh.ONOCR: unix.ONOCR, ssh.ONLRET: unix.ONLRET,
	}
)

// noCharacter is RFC 4254's "none"; Linux's is zero.
const noCharacter = 255

// applyModes gives a terminal the caller's modes, and leaves the others.
func applyModes(terminal *os.File, modes ssh.TerminalModes) error {
	fd := int(terminal.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	for code, value := range modes {
		if at, ok := characters[code]; ok {
			if value == noCharacter {
				value = 0
			}
			t.Cc[at] = uint8(value)
		}
		setFlag(&t.Iflag, inputFlags[code], value != 0)
		setFlag(&t.Lflag, localFlags[code], value != 0)
		setFlag(&t.Oflag, outputFlags[code], value != 0)
	}
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

func setFlag(flags *uint32, flag uint32, on bool) {
	if on {
		*flags |= flag
	} else {
		*flags &^= flag
	}
}
