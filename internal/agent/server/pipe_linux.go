package server

import (
	"os"

	"golang.org/x/sys/unix"
)

// widen makes a pipe larger, if the kernel lets it.
func widen(pipe *os.File) {
	if raw, err := pipe.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
}

// pending returns how many bytes a pipe holds.
func pending(raw interface{ Control(func(uintptr)) error }) (n int) {
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}
