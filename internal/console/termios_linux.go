package console

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TCGETS
	disabled   = 0 // _POSIX_VDISABLE
)
