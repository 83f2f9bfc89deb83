package gc

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// lowerPriority gives this process the lowest priority for the processors and the disk.
// Each thread has its own, and its children inherit it (setpriority(2), ioprio_set(2),
// whose numbers Go does not know). For the disk it is the lowest of the best-effort
// class, not of the idle class: others may wait for the locks that it holds.
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
