package console

import (
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// The characters and flags of RFC 4254, section 8, that the terminals of all systems know.
var (
	characters = map[uint8]int{
		ssh.VINTR: unix.VINTR, ssh.VQUIT: unix.VQUIT, ssh.VERASE: unix.VERASE, ssh.VKILL: unix.VKILL, ssh.VEOF: unix.VEOF,
		ssh.VEOL: unix.VEOL, ssh.VEOL2: unix.VEOL2, ssh.VSTART: unix.VSTART, ssh.VSTOP: unix.VSTOP, ssh.VSUSP: unix.VSUSP,
		ssh.VREPRINT: unix.VREPRINT, ssh.VWERASE: unix.VWERASE, ssh.VLNEXT: unix.VLNEXT, ssh.VDISCARD: unix.VDISCARD,
	}
	inputFlags = map[uint8]uint64{
		ssh.IGNPAR: unix.IGNPAR, ssh.PARMRK: unix.PARMRK, ssh.INPCK: unix.INPCK, ssh.ISTRIP: unix.ISTRIP, ssh.INLCR: unix.INLCR,
		ssh.IGNCR: unix.IGNCR, ssh.ICRNL: unix.ICRNL, ssh.IXON: unix.IXON, ssh.IXANY: unix.IXANY, ssh.IXOFF: unix.IXOFF,
		ssh.IMAXBEL: unix.IMAXBEL, ssh.IUTF8: unix.IUTF8,
	}
	localFlags = map[uint8]uint64{
		ssh.ISIG: unix.ISIG, ssh.ICANON: unix.ICANON, ssh.ECHO: unix.ECHO, ssh.ECHOE: unix.ECHOE, ssh.ECHOK: unix.ECHOK,
		ssh.ECHONL: unix.ECHONL, ssh.NOFLSH: unix.NOFLSH, ssh.TOSTOP: unix.TOSTOP, ssh.IEXTEN: unix.IEXTEN,
		ssh.ECHOCTL: unix.ECHOCTL, ssh.ECHOKE: unix.ECHOKE,
	}
	outputFlags = map[uint8]uint64{
		ssh.OPOST: unix.OPOST, ssh.ONLCR: unix.ONLCR, ssh.OCRNL: unix.OCRNL, ssh.ONOCR: unix.ONOCR, ssh.ONLRET: unix.ONLRET,
	}
)

// noCharacter is RFC 4254's value for "none"; each system has its own, disabled.
const noCharacter = 255

// Modes returns the terminal's modes in ssh's encoding, raw mode included once it is set. It
// returns nil when stdin is no terminal.
func (c *Console) Modes() ssh.TerminalModes {
	if c.in == nil {
		return nil
	}
	t, err := unix.IoctlGetTermios(int(c.in.Fd()), getTermios)
	if err != nil {
		return nil
	}
	modes := ssh.TerminalModes{}
	for code, at := range characters {
		modes[code] = uint32(t.Cc[at])
		if t.Cc[at] == disabled {
			modes[code] = noCharacter
		}
	}
	addFlags(modes, inputFlags, uint64(t.Iflag))
	addFlags(modes, localFlags, uint64(t.Lflag))
	addFlags(modes, outputFlags, uint64(t.Oflag))
	return modes
}

func addFlags(modes ssh.TerminalModes, known map[uint8]uint64, set uint64) {
	for code, flag := range known {
		modes[code] = 0
		if set&flag != 0 {
			modes[code] = 1
		}
	}
}
