package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixproxy/nixproxy/internal/platform"
)

// A Mount is a volume or a host directory that a container sees.
type Mount struct {
	Volume   string // the name of a volume; never filled from the image
	Bind     string // or a directory or file of the host, which must exist
	Target   string
	ReadOnly bool
}

// Limits bound what a container may use; 0 is no bound.
type Limits struct {
	Memory   int64 // bytes
	NanoCPUs int64 // processors, times 1e9
}

// A Specification describes a container to create.
type Specification struct {
	Name       string
	Image      string // an image id or reference
	Platform   string // os/arch; empty: the engine's own
	Entrypoint []string
	Labels     map[string]string
	Mounts     []Mount
	PidOf      string // join the PID namespace of the container with this id
	Publish    int    // this TCP port, at one of the engine's choice on loopback; 0: none
	Init       bool   // the engine's init is PID 1
	AutoRemove bool
	Stdin      bool // it has one, which ends with the client that is attached
	NoNetwork  bool
	NoLog      bool // the engine keeps no log of its output
	Limits     Limits
}

// A Container is what the engine knows of one.
type Container struct {
	ID      string
	Name    string
	State   string // created, running, paused, restarting, exited, dead
	Image   string // image id
	PidOf   string // id of the container whose PID namespace it joined
	Address string // of its published port while it runs; another one after each start
	Created time.Time
	Labels  map[string]string
}

// Running tells whether the container's process runs.
func (c Container) Running() bool { return c.State == "running" }

// CreateContainer creates a container without starting it and returns its id.
// A name that is taken is an error for which IsConflict is true.
func (e *Engine) CreateContainer(ctx context.Context, s Specification) (string, error) {
	config := &container.Config{Image: s.Image, Entrypoint: s.Entrypoint, Labels: s.Labels, User: "0:0", WorkingDir: "/"}
	host := &container.HostConfig{AutoRemove: s.AutoRemove, Mounts: mounts(s.Mounts)}
	if s.PidOf != "" {
		host.PidMode = container.PidMode("container:" + s.PidOf)
	}
	if s.Init {
		host.Init = &s.Init
	}
	config.OpenStdin, config.StdinOnce, config.AttachStdin = s.Stdin, s.Stdin, s.Stdin
	if s.Publish != 0 {
		publish(s.Publish, config, host)
	}
	if s.NoNetwork {
		host.NetworkMode = "none"
	}
	if s.NoLog {
		host.LogConfig = container.LogConfig{Type: "none"}
	}
	host.Memory, host.NanoCPUs = s.Limits.Memory, s.Limits.NanoCPUs
	created, err := createNamed(ctx, func() (container.CreateResponse, error) {
		return e.api.ContainerCreate(ctx, config, host, nil, platformOf(s.Platform), s.Name)
	})
	if err != nil {
		return "", fmt.Errorf("creating container %s: %w", s.Name, plainly(err))
	}
	e.warn(created.Warnings)
	return created.ID, nil
}

// loopback keeps a published port to this machine.
const loopback = "127.0.0.1"

func publish(port int, config *container.Config, host *container.HostConfig) {
	p := nat.Port(strconv.Itoa(port) + "/tcp")
	config.ExposedPorts = nat.PortSet{p: {}}
	host.PortBindings = nat.PortMap{p: {{HostIP: loopback}}}
}

// published returns the address at which a container's one port is reached.
func published(ports nat.PortMap) string {
	for _, bindings := range ports {
		for _, b := range bindings {
			if b.HostIP == loopback && b.HostPort != "" {
				return net.JoinHostPort(b.HostIP, b.HostPort)
			}
		}
	}
	return ""
}

func mounts(list []Mount) []mount.Mount {
	var all []mount.Mount
	for _, m := range list {
		if m.Volume != "" {
			// NoCopy: what lies in the image under the target must not fill the volume.
			all = append(all, mount.Mount{Type: mount.TypeVolume, Source: m.Volume, Target: m.Target, ReadOnly: m.ReadOnly,
				VolumeOptions: &mount.VolumeOptions{NoCopy: true}})
			continue
		}
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: m.Bind, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	return all
}

// platformOf is the engine's word for a platform's name; nil: its own.
func platformOf(name string) *ocispec.Platform {
	if name == "" {
		return nil
	}
	os, arch, variant := platform.Split(name)
	return &ocispec.Platform{OS: os, Architecture: arch, Variant: variant}
}

// CopyInto unpacks a tar archive at the root of a container's file system,
// which need not run.
func (e *Engine) CopyInto(ctx context.Context, id string, archive io.Reader) error {
	if err := e.api.CopyToContainer(ctx, id, "/", archive, container.CopyToContainerOptions{}); err != nil {
		return fmt.Errorf("copying into container %s: %w", id, plainly(err))
	}
	return nil
}

// StartContainer starts a container; one that runs already is left alone.
func (e *Engine) StartContainer(ctx context.Context, id string) error {
	if err := e.api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return fmt.Errorf("starting container %s: %w", id, plainly(err))
	}
	return nil
}

// Attach connects to a created container's streams before it is started: to its
// stdin too, if it was created with one.
func (e *Engine) Attach(ctx context.Context, id string) (*Stream, error) {
	hijacked, err := e.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, fmt.Errorf("attaching to container %s: %w", id, plainly(err))
	}
	return NewStream(hijacked.Conn, hijacked.Reader, nil), nil
}

// UnpauseContainer lets a paused container go on.
func (e *Engine) UnpauseContainer(ctx context.Context, id string) error {
	if err := e.api.ContainerUnpause(ctx, id); err != nil {
		return fmt.Errorf("unpausing container %s: %w", id, plainly(err))
	}
	return nil
}

// StopContainer asks a container's process to end and kills it after the grace
// period. One that does not exist or run is success.
func (e *Engine) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	seconds := int(grace.Seconds())
	if err := e.api.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds}); err != nil && !IsNotFound(err) {
		return fmt.Errorf("stopping container %s: %w", id, plainly(err))
	}
	return nil
}

// RemoveContainer kills and removes a container. One that does not exist, or
// is being removed by somebody else, is success.
func (e *Engine) RemoveContainer(ctx context.Context, id string) error {
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
	if err != nil && !IsNotFound(err) && !(IsConflict(err) && strings.Contains(err.Error(), "already in progress")) {
		return fmt.Errorf("removing container %s: %w", id, plainly(err))
	}
	return nil
}

// WaitRemoved returns when the container is gone.
func (e *Engine) WaitRemoved(ctx context.Context, id string) error {
	return e.wait(ctx, id, container.WaitConditionRemoved)
}

// wait returns when a container is in the state, or is not there at all.
func (e *Engine) wait(ctx context.Context, id string, state container.WaitCondition) error {
	done, failed := e.api.ContainerWait(ctx, id, state)
	select {
	case <-done:
		return nil
	case err := <-failed:
		if IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("waiting for container %s to end: %w", id, plainly(err))
	}
}

// FindContainer inspects one container by name or id; IsNotFound tells when
// there is none.
func (e *Engine) FindContainer(ctx context.Context, name string) (Container, error) {
	found, err := e.api.ContainerInspect(ctx, name)
	if err != nil {
		return Container{}, fmt.Errorf("looking for container %s: %w", name, plainly(err))
	}
	created, _ := time.Parse(time.RFC3339Nano, found.Created) // zero is "long ago"
	c := Container{ID: found.ID, Name: strings.TrimPrefix(found.Name, "/"), Image: found.Image, Created: created}
	if found.State != nil {
		c.State = found.State.Status
	}
	if found.NetworkSettings != nil {
		c.Address = published(found.NetworkSettings.Ports)
	}
	if found.Config != nil {
		c.Labels = found.Config.Labels
	}
	if found.HostConfig != nil {
		c.PidOf = strings.TrimPrefix(string(found.HostConfig.PidMode), "container:")
	}
	return c, nil
}

// Containers lists the containers, running or not, that carry all the labels,
// each written key or key=value.
func (e *Engine) Containers(ctx context.Context, labels ...string) ([]Container, error) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: withLabels(labels)})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	var all []Container
	for _, c := range list {
		name := c.ID
		if len(c.Names) > 0 {
			name = strings.TrimPrefix(c.Names[0], "/")
		}
		all = append(all, Container{ID: c.ID, Name: name, State: c.State, Image: c.ImageID, Labels: c.Labels, Created: time.Unix(c.Created, 0)})
	}
	return all, nil
}

func withLabels(labels []string) filters.Args {
	args := filters.NewArgs()
	for _, label := range labels {
		args.Add("label", label)
	}
	return args
}
