package server

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// withoutBlockedSignals starts a process that no signal is kept from, as a login
// would. Some engines' init, such as catatonit, starts what it runs with signals
// blocked. Go passes on what it inherited, which is the mask of the thread that
// starts the process.
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
