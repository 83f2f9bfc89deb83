package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// Tidy collects garbage, and lets go of nothing else, until the store is no
// larger than that; without haste, and not while another one does.
func Tidy(ctx context.Context, most int64) error {
	if err := beHumble(); err != nil {
		return fmt.Errorf("lowering the priority: %w", err)
	}
	unlock, err := layout.Lock(layout.InPlace.Own("tidy"), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	c := collection{Volume: layout.InPlace, plan: agentapi.Plan{MaxSize: most}}
	if err := c.look(ctx); err != nil {
		return err
	}
	return c.take(ctx, nil)
}

// beHumble has all others go first, to the processors and to the disk. Both are a
// thread's own, and what a thread starts has them from it (setpriority(2), and
// ioprio_set(2), whose numbers Go does not know). It is the last of its class at
// the disk, but not of the idle class: others wait for the locks that it holds.
func beHumble() error {
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
