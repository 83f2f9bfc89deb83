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

// A capacity is what the processes of this container can use together.
type capacity struct {
	cpus   int
	memory int64 // bytes
}

// ourCapacity is this container's capacity. It is its own limits or else the machine's,
// which here is the engine's.
var ourCapacity = sync.OnceValue(func() capacity { return capacityOf(os.DirFS("/"), runtime.NumCPU()) })

// gib is what one compiler is taken to need.
const gib = 1 << 30

// jobs fits builds to the capacity, so that one big build may use every processor
// and no number of builds more memory than there is: as many compilers at once in
// one build (cores) as there are processors and GiB of memory for them, and as
// many builds at once (max-jobs) as there is memory for with that, at most one for
// each processor. Memory is rounded, as a machine of 2 GiB tells of 1.9.
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

// fittedJobs are the lines of Nix configuration that fit builds to this
// container. A setting that a configuration file inside names was chosen by
// somebody, and stays.
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

// jobSetting finds the settings by their names and by those that they once had.
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

// capacityOf is what is left of a machine's processors and memory by the control
// groups of this process and all above them that can be seen, of version 2 or 1.
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

// controlGroups are the directories of this process's control groups. In a
// namespace of its own they are the mounts themselves; where version 1 tells the
// engine's names for them the same holds, as an engine mounts the container's own.
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
