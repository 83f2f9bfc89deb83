//go:build linux && acceptance

// Package engine is the container engine as the tests see it, without nixproxy between.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

	"github.com/nixproxy/nixproxy/test/harness"
)

const (
	labelVolume = "dev.nixproxy.volume"
	labelRole   = "dev.nixproxy.role"
)

// An Engine is an engine as the tests look at it, past nixproxy.
type Engine struct {
	*client.Client
	Host    string
	Stop    func() // one of the test's own
	Stopped bool
}

// Open opens the engine at an address; empty is the one that the
// environment names, else the usual one.
func Open(host string) (*Engine, error) {
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
	return &Engine{Client: c, Host: c.DaemonHost()}, nil
}

// Podman tells whether the engine is Podman, by what it says of its parts.
func (e *Engine) Podman() (bool, error) {
	version, err := e.ServerVersion(context.Background())
	for _, part := range version.Components {
		if strings.HasPrefix(part.Name, "Podman") {
			return true, nil
		}
	}
	return false, err
}

// Socket is the path of the engine's socket.
func (e *Engine) Socket() string { return strings.TrimPrefix(e.Host, "unix://") }

// Containers lists those of the volumes whose name begins so, proxy containers
// first and anchors last: the order in which they can be removed.
func (e *Engine) Containers(volumePrefix string) ([]container.Summary, error) {
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

// InRole lists a volume's containers of one role.
func (e *Engine) InRole(volume, role string) ([]container.Summary, error) {
	all, err := e.Containers(volume)
	var found []container.Summary
	for _, c := range all {
		if c.Labels[labelRole] == role && c.Labels[labelVolume] == volume {
			found = append(found, c)
		}
	}
	return found, err
}

// Clean removes what nixproxy made for a script: its volumes, whose names begin
// with its own, and the images with its name in their path.
func (e *Engine) Clean(name string) error {
	ctx := context.Background()
	problem := e.removeContainers(name)
	volumes, err := e.VolumeList(ctx, volume.ListOptions{})
	problem = errors.Join(problem, err)
	for _, v := range volumes.Volumes {
		if strings.HasPrefix(v.Name, name) {
			problem = errors.Join(problem, e.VolumeRemove(ctx, v.Name, true))
		}
	}
	images, err := e.ImagesOf(name)
	problem = errors.Join(problem, err)
	for _, ref := range images {
		_, err := e.ImageRemove(ctx, ref, image.RemoveOptions{})
		problem = errors.Join(problem, err)
	}
	return problem
}

// removeContainers returns when the containers are gone: an engine that removes one
// by itself may be slow, and what they use cannot be removed before.
func (e *Engine) removeContainers(name string) error {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		containers, problem := e.Containers(name)
		for _, c := range containers {
			err := e.ContainerRemove(context.Background(), c.ID, container.RemoveOptions{Force: true})
			if err != nil && !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "already in progress") {
				problem = errors.Join(problem, err)
			}
		}
		if len(containers) == 0 || problem != nil {
			return problem
		}
		if time.Since(begin) > harness.Limit {
			return fmt.Errorf("the containers on %s cannot be removed: %v", name, containers)
		}
	}
}

// Surplus says which containers of a volume there are beyond one anchor and one
// proxy container, once the engine had the time to remove those that have ended.
func (e *Engine) Surplus(volume string) (problem error) {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		problem = nil
		for role, most := range map[string]int{"anchor": 1, "proxy": 1, "throwaway": 0} {
			found, err := e.InRole(volume, role)
			if len(found) > most {
				err = errors.Join(err, fmt.Errorf("%d containers of role %s stay", len(found), role))
			}
			problem = errors.Join(problem, err)
		}
		if problem == nil || time.Since(begin) > harness.Limit {
			return problem
		}
	}
}

// ImagesOf lists the references with a name in their path: tags, and the digests
// of images whose tag has moved to another one.
func (e *Engine) ImagesOf(name string) ([]string, error) {
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

// Pull pulls an image, and waits until it is there.
func (e *Engine) Pull(ref string) error {
	progress, err := e.ImagePull(context.Background(), ref, image.PullOptions{})
	if err != nil {
		return err
	}
	defer progress.Close()
	return jsonmessage.DisplayJSONMessagesStream(progress, io.Discard, 0, false, nil)
}

// Run runs a command in a container of the test's own and returns what it wrote.
func (e *Engine) Run(ref string, mounts []mount.Mount, argv ...string) (string, error) {
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
