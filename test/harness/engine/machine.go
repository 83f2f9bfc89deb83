//go:build linux && acceptance

package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/test/harness"
)

// A Machine is an engine of the test's own that can be switched off at any
// moment: all that it has is on a small disk, a file that it alone has mounted.
type Machine struct {
	*Engine
	dir string
}

const machineKind = "docker-28-overlay2"

// NewMachine makes a machine with a disk of so many bytes, and starts it.
func NewMachine(t *testing.T, disk int64) *Machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "machine-") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{dir: dir}
	t.Cleanup(func() { m.run(t, "stop", m.dir) })
	file, err := os.Create(filepath.Join(dir, "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(disk); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("mkfs.ext4", "-q", "-F", file.Name()).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	m.Start(t)
	return m
}

// CopyVolume makes a volume with the content and the labels of another.
func (m *Machine) CopyVolume(t *testing.T, from, to string) {
	t.Helper()
	old, err := m.VolumeInspect(context.Background(), from)
	if err != nil {
		t.Fatal(err)
	}
	labels := maps.Clone(old.Labels)
	labels[labelVolume] = to
	if _, err := m.VolumeCreate(context.Background(), volume.CreateOptions{Name: to, Labels: labels}); err != nil {
		t.Fatal(err)
	}
	// Nobody writes into the files of store paths, so they may be the same ones.
	const script = `cp -al "$0/store" "$1" && cp -a "$0/var" "$1"`
	if output, err := exec.Command("sh", "-c", script, m.VolumePath(from), m.VolumePath(to)).CombinedOutput(); err != nil {
		t.Fatalf("copying volume %s: %v\n%s", from, err, output)
	}
}

func (m *Machine) run(t *testing.T, args ...string) {
	t.Helper()
	if _, err := engineScript(args...); err != nil {
		t.Fatal(err)
	}
}

func engineScript(args ...string) (string, error) {
	output, err := exec.Command(harness.RepositoryPath("scripts/engine/engine"), args...).Output()
	if err != nil {
		err = fmt.Errorf("engine %q: %w\n%s", args, err, harness.Stderr(err))
	}
	return strings.TrimSpace(string(output)), err
}

// starts is how often an engine is started that does not come up, as a service
// manager does: seen once in some hundred losses of power.
const starts = 3

// Start switches the machine on.
func (m *Machine) Start(t *testing.T) {
	t.Helper()
	host, err := engineScript("start", machineKind, m.dir)
	for n := 1; err != nil && n < starts; n++ {
		t.Log("once more: ", err)
		host, err = engineScript("start", machineKind, m.dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m.Engine, err = Open(strings.TrimPrefix(host, "DOCKER_HOST=")); err != nil {
		t.Fatal(err)
	}
}

// Kill ends the engine and all of its containers at once. What they wrote stays.
func (m *Machine) Kill(t *testing.T) {
	t.Helper()
	m.run(t, "kill", m.dir)
}

// LosePower is a kill after which all that was not yet on the disk is gone.
func (m *Machine) LosePower(t *testing.T) {
	t.Helper()
	disk, err := os.Open(m.path())
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	// FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ext4.h).
	if err := unix.IoctlSetPointerInt(int(disk.Fd()), 0x8004587d, 2); err != nil {
		t.Fatalf("cutting %s off: %v", m.path(), err)
	}
	disk.Close()
	m.Kill(t)
}

// ForgetBoot makes a volume one that was last used before the machine started: its
// kernel is the test's, and goes on when the power is lost.
func (m *Machine) ForgetBoot(t *testing.T, volume string) {
	t.Helper()
	if err := os.WriteFile(m.VolumePath(volume, "var/nixproxy/boot"), []byte("the one before"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// path is where the test sees what is on the machine's disk, while it runs.
func (m *Machine) path(parts ...string) string {
	pid, _ := os.ReadFile(filepath.Join(m.dir, "pid"))
	root := fmt.Sprintf("/proc/%s/root", strings.TrimSpace(string(pid)))
	return filepath.Join(append([]string{root, m.dir, "data"}, parts...)...)
}

// VolumePath is a volume's directory on the disk.
func (m *Machine) VolumePath(volume string, parts ...string) string {
	return m.path(append([]string{"volumes", volume, "_data"}, parts...)...)
}

// Sync writes to the disk all that is on its way to it.
func (m *Machine) Sync(t *testing.T) {
	t.Helper()
	disk, err := os.Open(m.path())
	if err == nil {
		defer disk.Close()
		err = unix.Syncfs(int(disk.Fd()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Commit writes the disk's journal to it, as any program's fsync does: then the
// names of files are there as they are now, and what was written into them may not be.
func (m *Machine) Commit(t *testing.T) {
	t.Helper()
	file, err := os.Create(m.path("commit"))
	if err == nil {
		defer file.Close()
		err = file.Sync()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Fill takes the disk's space but for so many bytes, until it is emptied.
func (m *Machine) Fill(t *testing.T, leave int64) (empty func()) {
	t.Helper()
	file, err := os.Create(m.path("filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const step = 1 << 20
	size := int64(0)
	for ; err == nil; size += step {
		err = unix.Fallocate(int(file.Fd()), 0, size, step)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if err := file.Truncate(max(0, size-step-leave)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(m.path("filler")); err != nil {
			t.Fatal(err)
		}
	}
}
