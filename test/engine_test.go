package test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/docker/docker/pkg/stdcopy"
)

const (
	labelVolume = "dev.nixproxy.volume"
	labelRole   = "dev.nixproxy.role"
)

// A testEngine is an engine as the tests look at it, past nixproxy.
type testEngine struct {
	*client.Client
	host    string
	stop    func() // one of the test's own
	stopped bool
}

// openEngine opens the engine at an address; empty is the one that the
// environment names, else the usual one.
func openEngine(host string) (*testEngine, error) {
	options := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if host != "" {
		options = []client.Opt{client.WithHost(host), client.WithAPIVersionNegotiation()}
	}
	c, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, err
	}
	if _, err := c.Ping(context.Background()); err != nil {
		return nil, fmt.Errorf("no engine answers, and no test is skipped: `scripts/engine/engine ensure` brings one: %w", err)
	}
	return &testEngine{Client: c, host: c.DaemonHost()}, nil
}

// podman tells whether the engine is Podman, by what it says of its parts.
func (e *testEngine) podman() (bool, error) {
	version, err := e.ServerVersion(context.Background())
	for _, part := range version.Components {
		if strings.HasPrefix(part.Name, "Podman") {
			return true, nil
		}
	}
	return false, err
}

func (e *testEngine) socket() string { return strings.TrimPrefix(e.host, "unix://") }

// containers lists those of the volumes whose name begins so, proxy containers
// first and anchors last: the order in which they can be removed.
func (e *testEngine) containers(volumePrefix string) ([]container.Summary, error) {
	all, err := e.ContainerList(context.Background(), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelVolume))})
	var first, last []container.Summary
	for _, c := range all {
		switch {
		case !strings.HasPrefix(c.Labels[labelVolume], volumePrefix):
		case c.Labels[labelRole] == "anchor":
			last = append(last, c)
		default:
			first = append(first, c)
		}
	}
	return append(first, last...), err
}

// role lists a volume's containers of one role.
func (e *testEngine) role(volume, role string) ([]container.Summary, error) {
	all, err := e.containers(volume)
	var found []container.Summary
	for _, c := range all {
		if c.Labels[labelRole] == role && c.Labels[labelVolume] == volume {
			found = append(found, c)
		}
	}
	return found, err
}

// clean removes what nixproxy made for a script: its volumes, whose names begin
// with its own, and the images with its name in their path.
func (e *testEngine) clean(name string) error {
	ctx := context.Background()
	problem := e.removeContainers(name)
	volumes, err := e.VolumeList(ctx, volume.ListOptions{})
	problem = errors.Join(problem, err)
	for _, v := range volumes.Volumes {
		if strings.HasPrefix(v.Name, name) {
			problem = errors.Join(problem, e.VolumeRemove(ctx, v.Name, true))
		}
	}
	images, err := e.images(name)
	problem = errors.Join(problem, err)
	for _, ref := range images {
		_, err := e.ImageRemove(ctx, ref, image.RemoveOptions{})
		problem = errors.Join(problem, err)
	}
	return problem
}

// removeContainers returns when the containers are gone: an engine that removes one
// by itself may be slow, and what they use cannot be removed before.
func (e *testEngine) removeContainers(name string) error {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		containers, problem := e.containers(name)
		for _, c := range containers {
			err := e.ContainerRemove(context.Background(), c.ID, container.RemoveOptions{Force: true})
			if err != nil && !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "already in progress") {
				problem = errors.Join(problem, err)
			}
		}
		if len(containers) == 0 || problem != nil {
			return problem
		}
		if time.Since(begin) > slowest {
			return fmt.Errorf("the containers on %s cannot be removed: %v", name, containers)
		}
	}
}

// staying says which containers of a volume there are beyond one anchor and one
// proxy container, once the engine had the time to remove those that have ended.
func (e *testEngine) staying(volume string) (problem error) {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		problem = nil
		for role, most := range map[string]int{"anchor": 1, "proxy": 1, "throwaway": 0} {
			found, err := e.role(volume, role)
			if len(found) > most {
				err = errors.Join(err, fmt.Errorf("%d containers of role %s stay", len(found), role))
			}
			problem = errors.Join(problem, err)
		}
		if problem == nil || time.Since(begin) > slowest {
			return problem
		}
	}
}

// images lists the references with a name in their path: tags, and the digests
// of images whose tag has moved to another one.
func (e *testEngine) images(name string) ([]string, error) {
	all, err := e.ImageList(context.Background(), image.ListOptions{})
	var refs []string
	for _, i := range all {
		tags := named(i.RepoTags, name)
		if len(tags) == 0 {
			tags = named(i.RepoDigests, name)
		}
		refs = append(refs, tags...)
	}
	return refs, err
}

func named(refs []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(refs), func(ref string) bool { return !strings.Contains(ref, "/"+name) })
}

// pull pulls an image, and waits until it is there.
func (e *testEngine) pull(ref string) error {
	progress, err := e.ImagePull(context.Background(), ref, image.PullOptions{})
	if err != nil {
		return err
	}
	defer progress.Close()
	return jsonmessage.DisplayJSONMessagesStream(progress, io.Discard, 0, false, nil)
}

// run runs a command in a container of the test's own and returns what it wrote.
func (e *testEngine) run(ref string, mounts []mount.Mount, argv ...string) (string, error) {
	ctx := context.Background()
	c, err := e.ContainerCreate(ctx, &container.Config{Image: ref, Entrypoint: argv}, &container.HostConfig{Mounts: mounts}, nil, nil, "")
	if err != nil {
		return "", err
	}
	defer e.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true})
	if err := e.ContainerStart(ctx, c.ID, container.StartOptions{}); err != nil {
		return "", err
	}
	ended, problems := e.ContainerWait(ctx, c.ID, container.WaitConditionNotRunning)
	select {
	case <-ended:
	case err := <-problems:
		return "", err
	}
	logs, err := e.ContainerLogs(ctx, c.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return "", err
	}
	defer logs.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &out, logs)
	return out.String(), err
}

func oneFile(name string, content []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
	w.Write(content)
	w.Close()
	return b.Bytes()
}

// leftovers says what the run has left on the engine and among the processes, when
// what was about to end had the time for it.
func (w *world) leftovers() error {
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		left, err := w.left()
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Since(begin) > slowest/4 {
			return fmt.Errorf("left behind: %s", strings.Join(left, ", "))
		}
	}
}

func (w *world) left() (left []string, err error) {
	containers, err := w.engine.containers(w.prefix)
	for _, c := range containers {
		left = append(left, "container "+strings.Join(c.Names, ","))
	}
	volumes, more := w.engine.VolumeList(context.Background(), volume.ListOptions{})
	for _, v := range volumes.Volumes {
		if strings.HasPrefix(v.Name, w.prefix) {
			left = append(left, "volume "+v.Name)
		}
	}
	images, most := w.engine.images(w.prefix)
	for _, ref := range images {
		left = append(left, "image "+ref)
	}
	for _, process := range processesOf(w.prefix) {
		left = append(left, "process "+process)
	}
	return left, errors.Join(err, more, most)
}

// processesOf finds the processes with a volume of this run in their mounts
// (agents, and what they started) or in their environment (nixproxy).
func processesOf(prefix string) []string {
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if dir == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		for _, file := range []string{"mountinfo", "environ"} {
			content, _ := os.ReadFile(filepath.Join(dir, file))
			if bytes.Contains(content, []byte(prefix)) && !isEngine(dir) {
				command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
				found = append(found, filepath.Base(dir)+" "+strings.ReplaceAll(string(command), "\x00", " "))
				break
			}
		}
	}
	return found
}

// isEngine knows the processes of an engine: they see all volumes.
func isEngine(dir string) bool {
	name, _ := os.ReadFile(filepath.Join(dir, "comm"))
	return strings.Contains(string(name), "dockerd") || strings.Contains(string(name), "containerd")
}
