package console

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// Controlling tells whether the terminal is this process's own, which sends its
// job signals, and not one that somebody has opened for it.
func (c *Console) Controlling() bool {
	_, err := c.foregroundGroup()
	return err == nil
}

// Foreground tells whether this process is of the terminal's job in the
// foreground, or the terminal knows no jobs of this process's session.
func (c *Console) Foreground() bool {
	group, err := c.foregroundGroup()
	return err != nil || group == unix.Getpgrp()
}

func (c *Console) foregroundGroup() (int, error) {
	f := c.in
	if f == nil {
		f = c.any()
	}
	if f == nil {
		return 0, unix.ENOTTY
	}
	return unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
}

// CanStop tells whether somebody is there who could continue this process: a
// shell with job control. The kernel lets Ctrl-Z stop nobody else (the orphaned
// process groups of POSIX).
func CanStop() bool {
	session, err := unix.Getsid(0)
	if err != nil || session == unix.Getpgrp() || signal.Ignored(unix.SIGTSTP) {
		return false
	}
	// A parent of the same group, such as a script, is its shell's to continue.
	parents, err := unix.Getsid(os.Getppid())
	return err == nil && parents == session
}

// Stop stops this process, and with others all of its job, as Ctrl-Z does where
// it is not a byte; SIGTSTP must be ignored. It may return a moment before that.
func Stop(others bool) {
	if others {
		_ = unix.Kill(0, unix.SIGTSTP)
	}
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
}

// Interrupt ends this process by SIGINT, and with others interrupts all of its
// job, as Ctrl-C does where it is not a byte. It returns if it does not end.
func Interrupt(others bool) {
	if signal.Ignored(unix.SIGINT) {
		return
	}
	signal.Reset(unix.SIGINT)
	to := unix.Getpid()
	if others {
		to = 0
	}
	_ = unix.Kill(to, unix.SIGINT)
	time.Sleep(time.Second) // it ends this process at once, or never
}
