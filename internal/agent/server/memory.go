package server

import (
	"bytes"
	"os"
	"strconv"
)

// oomKills is how often the kernel has killed a process of this container for
// want of memory, the container's or the whole machine's (Linux's
// Documentation/admin-guide: cgroup-v2.rst, memory.events; cgroup-v1/memory.rst,
// oom_control). 0 where it cannot be known.
func oomKills() int {
	for _, file := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(content) {
			if count, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
				n, _ := strconv.Atoi(string(bytes.TrimSpace(count)))
				return n
			}
		}
	}
	return 0
}
