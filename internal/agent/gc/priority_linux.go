package gc

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// lowerPriority has all others go first, to the processors and to the disk. Both are a
// thread's own, and what a thread starts has them from it (setpriority(2), and
// ioprio_set(2), whose numbers Go does not know). It is the last of its class at
// the disk, but not of the idle class: others wait for the locks that it holds.
func lowerPriority() error {
	const whoProcess, bestEffort, classShift, last = 1, 2, 13, 7
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, uintptr(id), bestEffort<<classShift|last) // some kernels have none
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, 19); err != nil {
			return err
		}
	}
	return nil
}
