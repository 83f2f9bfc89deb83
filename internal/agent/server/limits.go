package server

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A capacity is what the processes of a container can use together.
type capacity struct {
	cpus   int
	memory int64 // bytes
}

// ourCapacity returns the capacity of this container: its own limits, or else those of
// the engine's machine.
var ourCapacity = sync.OnceValue(func() capacity { return capacityOf(os.DirFS("/"), runtime.NumCPU()) })

// gib is the memory that one compiler is assumed to need.
const gib = 1 << 30

// jobs fits builds to the capacity, so that one big build can use every processor, and
// all builds together do not use more memory than there is. In one build as many
// compilers run at once (cores) as there are processors and GiB of memory. As many
// builds run at once (max-jobs) as then have memory, but at most one for each
// processor. Memory is rounded, as a machine of 2 GiB reports 1.9.
//
//	processors  memory   cores  max-jobs
//	         2   2 GiB       2         1
//	         8   4 GiB       4         1
//	         8  16 GiB       8         2
//	         4  64 GiB       4         4
func (c capacity) jobs() (maxJobs, cores int) {
	compilers := int(max(1, (c.memory+gib/2)/gib))
	cores = max(1, min(c.cpus, compilers))
	return max(1, min(c.cpus, compilers/cores)), cores
}

// fittedJobs returns the lines of Nix configuration that fit builds to this container,
// except for settings that a configuration file in the container has.
func (a Agent) fittedJobs() []string {
	maxJobs, cores := ourCapacity().jobs()
	chosen := chosenIn("/etc/nix/nix.conf", filepath.Join(a.Volume.Home(), ".config/nix/nix.conf"))
	var lines []string
	if !slices.Contains(chosen, "max-jobs") {
		lines = append(lines, fmt.Sprintf("max-jobs = %d", maxJobs))
	}
	if !slices.Contains(chosen, "cores") {
		lines = append(lines, fmt.Sprintf("cores = %d", cores))
	}
	return lines
}

// jobSetting finds the settings by their present and earlier names.
var jobSetting = regexp.MustCompile(`(?m)^[ \t]*(?:build-)?(max-jobs|cores)[ \t]*=`)

func chosenIn(files ...string) (names []string) {
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // most often there is none
		}
		for _, match := range jobSetting.FindAllSubmatch(content, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}

// capacityOf returns what the control groups of this process (version 2 or 1), and
// those above them that can be seen, leave of a machine's processors and memory.
func capacityOf(root fs.FS, cpus int) capacity {
	c := capacity{cpus: cpus, memory: totalMemory(root)}
	for _, dir := range controlGroups(root) {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
			if limit, err := strconv.ParseInt(word(root, path.Join(dir, name), 0), 10, 64); err == nil && limit > 0 {
				c.memory = min(c.memory, limit)
			}
		}
		quota, period := word(root, path.Join(dir, "cpu.max"), 0), word(root, path.Join(dir, "cpu.max"), 1)
		if quota == "" {
			quota, period = word(root, path.Join(dir, "cpu.cfs_quota_us"), 0), word(root, path.Join(dir, "cpu.cfs_period_us"), 0)
		}
		q, err := strconv.ParseFloat(quota, 64) // "max" and -1 are none
		if p, bad := strconv.ParseFloat(period, 64); err == nil && bad == nil && q > 0 && p > 0 {
			c.cpus = min(c.cpus, int(math.Ceil(q/p)))
		}
	}
	return c
}

// controlGroups returns the directories of this process's control groups, and of those
// above. In a namespace of their own they are the mounts themselves. So they are where
// version 1 reports the engine's names: an engine mounts the container's own groups.
func controlGroups(root fs.FS) []string {
	var dirs []string
	table, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(table)) {
		_, group, _ := strings.Cut(strings.TrimSpace(line), ":")
		_, group, _ = strings.Cut(group, ":")
		for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
			for _, mount := range []string{"sys/fs/cgroup", "sys/fs/cgroup/memory", "sys/fs/cgroup/cpu"} {
				dirs = append(dirs, path.Join(mount, dir))
			}
			if dir == "/" {
				break
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func totalMemory(root fs.FS) int64 {
	table, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return math.MaxInt64 >> 1 // not known: no limit
}

func word(root fs.FS, file string, n int) string {
	content, _ := fs.ReadFile(root, file)
	if words := strings.Fields(string(content)); n < len(words) {
		return words[n]
	}
	return ""
}
