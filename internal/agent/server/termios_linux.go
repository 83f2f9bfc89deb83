package server

import (
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// The places of RFC 4254's terminal modes (section 8) in Linux's termios.
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

// noCharacter is the value for "none" in RFC 4254. Linux has zero for it.
const noCharacter = 255

// applyModes gives a terminal the caller's modes. Modes that the caller does not have
// stay as they are.
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
