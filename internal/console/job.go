package console

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// Controlling reports whether the terminal is this process's controlling terminal, which
// sends its job signals, and not just one that was opened for it.
func (c *Console) Controlling() bool {
	_, err := c.foregroundGroup()
	return err == nil
}

// Foreground reports whether this process belongs to the terminal's job in the foreground,
// or the terminal knows no jobs of this process's session.
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

// CanStop reports whether there is a shell with job control, which can continue this process.
// Without one, the kernel does not let Ctrl-Z stop a process (POSIX: orphaned process groups).
func CanStop() bool {
	session, err := unix.Getsid(0)
	if err != nil || session == unix.Getpgrp() || signal.Ignored(unix.SIGTSTP) {
		return false
	}
	// A parent in the same group, such as a script, is continued by its own shell.
	parents, err := unix.Getsid(os.Getppid())
	return err == nil && parents == session
}

// Stop stops this process, and if others is set all of its job, as Ctrl-Z does outside of
// raw mode. SIGTSTP must be ignored. Stop may return a moment before the process stops.
func Stop(others bool) {
	if others {
		_ = unix.Kill(0, unix.SIGTSTP)
	}
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
}

// Interrupt ends this process by SIGINT, and if others is set interrupts all of its job, as
// Ctrl-C does outside of raw mode. It returns only if the process does not end.
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
	time.Sleep(time.Second) // SIGINT ends this process at once, or never
}
