package server

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// withoutBlockedSignals starts a process without blocked signals, as a login does. Some
// engines' init, such as catatonit, starts its child with signals blocked, and a process
// inherits the mask of the thread that starts it.
func withoutBlockedSignals(start func() (pid int, err error)) (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, &before); err != nil {
		return 0, err
	}
	pid, err = start()
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	return pid, err
}
