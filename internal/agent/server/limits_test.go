package server

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
)

func TestJobsFitTheCapacity(t *testing.T) {
	for _, test := range []struct {
		cpus        int
		memory      int64 // MiB
		jobs, cores int
	}{
		{1, 256, 1, 1},
		{2, 1945, 1, 2}, // a VM of 2 GiB
		{8, 1945, 1, 2},
		{8, 3900, 1, 4},
		{8, 7900, 1, 8},
		{8, 16000, 2, 8},
		{12, 8000, 1, 8},
		{4, 64 << 10, 4, 4},
		{2, 24000, 2, 2},
		{1, 8000, 1, 1},
		{0, 0, 1, 1},
	} {
		if jobs, cores := (capacity{test.cpus, test.memory << 20}).jobs(); jobs != test.jobs || cores != test.cores {
			t.Errorf("%d processors, %d MiB: max-jobs %d, cores %d, want %d, %d", test.cpus, test.memory, jobs, cores, test.jobs, test.cores)
		}
	}
}

func TestCapacity(t *testing.T) {
	const v1 = "9:memory:/docker/c\n3:cpu,cpuacct:/docker/c\n0::/docker/c\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  capacity
	}{
		"no limits, version 2": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, capacity{8, 16 << 30}},
		"version 2":            {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, capacity{2, 1 << 30}},
		"version 2, the engine's names": {map[string]string{"proc/self/cgroup": "0::/slice/c\n", "sys/fs/cgroup/slice/c/memory.max": "max\n",
			"sys/fs/cgroup/slice/memory.max": "2147483648\n", "sys/fs/cgroup/slice/c/cpu.max": "50000 100000\n"}, capacity{1, 2 << 30}},
		"no limits, version 1": {map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, capacity{8, 16 << 30}},
		"version 1": {map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, capacity{3, 256 << 20}},
		"more than there is":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1099511627776\n", "sys/fs/cgroup/cpu.max": "6400000 100000\n"}, capacity{8, 16 << 30}},
		"no control groups":   {nil, capacity{8, 16 << 30}},
		"unreadable contents": {map[string]string{"proc/self/cgroup": "\n::\n0::/\n", "sys/fs/cgroup/memory.max": "", "sys/fs/cgroup/cpu.max": "x"}, capacity{8, 16 << 30}},
	} {
		machine := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal:       16777216 kB\nMemFree: 1 kB\n")}}
		for file, content := range maps.All(test.files) {
			machine[file] = &fstest.MapFile{Data: []byte(content)}
		}
		if got := capacityOf(machine, 8); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

func TestChosenJobsStay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nix.conf")
	for content, want := range map[string][]string{
		"":                                       nil,
		"max-jobs = auto\n":                      {"max-jobs"},
		"# cores = 1\nsandbox = false\n":         nil,
		"sandbox = false\n  build-cores\t= 3\n":  {"cores"},
		"cores = 1\nmax-jobs = 2":                {"cores", "max-jobs"},
		"extra-cores = 1\ncores-of-mine = 2\n":   nil,
		"max-jobs-of-mine = 2\nx = max-jobs = 1": nil,
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := chosenIn("/no/such/file", file); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}
