package console

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TIOCGETA
	disabled   = 255 // _POSIX_VDISABLE
)
