package server

import (
	"bytes"
	"os"
	"strconv"
)

// oomKills returns how many processes of this container the kernel has killed because
// the container or the whole machine was out of memory (Linux's
// Documentation/admin-guide: cgroup-v2.rst, memory.events; cgroup-v1/memory.rst,
// oom_control). It returns 0 if it cannot know.
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
