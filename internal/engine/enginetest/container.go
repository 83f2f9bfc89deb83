package enginetest

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// A Container is one that the engine has.
type Container struct {
	engine.Container
	Spec  engine.Specification // it was created by; empty if a test added it
	Files map[string]string    // that were copied into it, by their absolute paths

	end   *conn    // of its streams, for its own process; nil: nobody has attached
	kills []func() // end the processes in it
	gone  chan struct{}
}

func (c *Container) kill() {
	for _, kill := range c.kills {
		kill()
	}
	c.kills = nil
	if c.end != nil {
		c.end.Close()
	}
}

// Add puts a container there without a call, and gives it an id if it has none.
// One that was started once has its agent.
func (e *Engine) Add(c engine.Container) engine.Container {
	e.mu.Lock()
	defer e.mu.Unlock()
	added := e.addLocked(c)
	if c.State != "created" {
		added.Files[agentapi.Binary] = ""
	}
	return added.Container
}

func (e *Engine) addLocked(c engine.Container) *Container {
	e.made++
	if c.ID == "" {
		c.ID = fmt.Sprintf("id%d", e.made)
	}
	added := &Container{Container: c, Files: map[string]string{}, gone: make(chan struct{})}
	e.containers = append(e.containers, added)
	e.names[c.ID] = c.Name
	return added
}

// Container returns a container as it is, or nil where there is none.
func (e *Engine) Container(name string) *Container {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(name)
	if err != nil {
		return nil
	}
	now := *c
	return &now
}

// Names returns the containers' names, in the order in which they were made.
func (e *Engine) Names() (names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		names = append(names, c.Name)
	}
	return names
}

// Change changes a container without a call: its state, say, as an engine that
// was started anew does.
func (e *Engine) Change(name string, change func(*Container)) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(name)
	if err != nil {
		e.t.Fatal(err)
	}
	change(c)
	if !c.Running() && c.State != "paused" {
		c.kill()
	}
}

// Vanish removes a container without a call, as somebody else does.
func (e *Engine) Vanish(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c, err := e.find(name); err == nil {
		e.removeLocked(c)
	}
}

// find returns the container with a name or an id.
func (e *Engine) find(name string) (*Container, error) {
	for _, c := range e.containers {
		if c.ID == name || c.Name == name {
			return c, nil
		}
	}
	return nil, NotFound("no such container: %s", name)
}

// nameOf is the name of a container, which may be gone.
func (e *Engine) nameOf(id string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return cmp.Or(e.names[id], id)
}

// on begins a call that changes the container with an id. The engine is locked
// afterwards, unless the call fails.
func (e *Engine) on(ctx context.Context, call, id string) (*Container, error) {
	if err := e.change(ctx, call, e.nameOf(id)); err != nil {
		return nil, err
	}
	c, err := e.find(id)
	if err != nil {
		e.mu.Unlock()
		return nil, err
	}
	return c, nil
}

// FindContainer returns the container with a name or an id.
func (e *Engine) FindContainer(ctx context.Context, name string) (engine.Container, error) {
	if err := e.enter(ctx, "find", name); err != nil {
		return engine.Container{}, err
	}
	defer e.mu.Unlock()
	c, err := e.find(name)
	if err != nil {
		return engine.Container{}, err
	}
	found := c.Container
	if c.Running() && c.Spec.Publish != 0 {
		found.Address = e.Address
	}
	return found, nil
}

// Containers lists the containers with all the labels. As an engine's list it
// tells neither their PID namespaces nor their ports.
func (e *Engine) Containers(ctx context.Context, labels ...string) ([]engine.Container, error) {
	if err := e.enter(ctx, "list", ""); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	var all []engine.Container
	for _, c := range e.containers {
		if labelled(c.Labels, labels) {
			listed := c.Container
			listed.PidOf, listed.Address = "", ""
			all = append(all, listed)
		}
	}
	return all, nil
}

// labelled tells whether something has all the labels, each a key or key=value.
func labelled(has map[string]string, labels []string) bool {
	return !slices.ContainsFunc(labels, func(l string) bool {
		key, value, exact := strings.Cut(l, "=")
		v, ok := has[key]
		return !ok || exact && v != value
	})
}

// CreateContainer creates a container, and the volumes that it mounts and that
// are not there. Its image must be.
func (e *Engine) CreateContainer(ctx context.Context, s engine.Specification) (string, error) {
	if err := e.change(ctx, "create", s.Name); err != nil {
		return "", err
	}
	defer e.mu.Unlock()
	if _, err := e.find(s.Name); err == nil {
		return "", Conflict("the name %q is already in use", s.Name)
	}
	if _, err := e.image(s.Image); err != nil {
		return "", err
	}
	for _, m := range s.Mounts {
		if m.Volume != "" {
			e.createVolumeLocked(m.Volume, nil)
		}
	}
	c := e.addLocked(engine.Container{Name: s.Name, State: "created", Image: s.Image, PidOf: s.PidOf, Created: e.now, Labels: s.Labels})
	c.Spec = s
	return c.ID, nil
}

// CopyInto unpacks an archive in a container.
func (e *Engine) CopyInto(ctx context.Context, id string, archive io.Reader) error {
	c, err := e.on(ctx, "copy", id)
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	for files := tar.NewReader(archive); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(files)
		if err != nil {
			return err
		}
		if file.Typeflag == tar.TypeReg {
			c.Files["/"+file.Name] = string(content)
		}
	}
}

// Attach connects to the streams of a container before it is started.
func (e *Engine) Attach(ctx context.Context, id string) (*engine.Stream, error) {
	c, err := e.on(ctx, "attach", id)
	if err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	if c.State != "created" {
		e.t.Errorf("%s is attached to when it is %s: what it has written is lost", c.Name, c.State)
	}
	client, end := connected()
	c.end = end
	return engine.NewStream(client, client, nil), nil
}

// StartContainer starts a container. The program of its mode, if there is one,
// runs in it; without one the container runs until it is stopped, if nobody has
// attached to it.
func (e *Engine) StartContainer(ctx context.Context, id string) error {
	c, err := e.on(ctx, "start", id)
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	if err := e.startable(c); err != nil || c.Running() {
		return err
	}
	if c.Spec.AutoRemove && c.end == nil {
		e.t.Errorf("%s is started before anybody reads what it writes", c.Name)
	}
	c.State = "running"
	if _, ok := e.programs[mode(c.Spec.Entrypoint)]; !ok && c.end == nil {
		return nil
	}
	status := e.runLocked(c, c.Spec.Entrypoint, c.end, c.Spec.Stdin)
	e.running.Go(func() {
		<-status
		e.mu.Lock()
		defer e.mu.Unlock()
		e.stopLocked(c)
	})
	return nil
}

func mode(argv []string) string {
	if len(argv) < 2 {
		return ""
	}
	return argv[1]
}

func (e *Engine) startable(c *Container) error {
	if c.State == "paused" {
		return Conflict("cannot start a paused container, try unpause instead")
	}
	if _, ok := c.Files[agentapi.Binary]; !ok {
		return fmt.Errorf("exec: %q: no such file or directory", agentapi.Binary)
	}
	if c.PidOf == "" {
		return nil
	}
	owner, err := e.find(c.PidOf)
	if err != nil {
		return err
	}
	if !owner.Running() {
		return Conflict("cannot join the PID namespace of container %s, which is not running", c.PidOf)
	}
	return nil
}

// UnpauseContainer lets a paused container go on.
func (e *Engine) UnpauseContainer(ctx context.Context, id string) error {
	c, err := e.on(ctx, "unpause", id)
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	if c.State != "paused" {
		return Conflict("container %s is not paused", c.Name)
	}
	c.State = "running"
	return nil
}

// StopContainer ends a container, at once.
func (e *Engine) StopContainer(ctx context.Context, id string, _ time.Duration) error {
	c, err := e.on(ctx, "stop", id)
	if engine.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	e.stopLocked(c)
	return nil
}

// stopLocked ends a container that runs, with those that share its PID namespace.
func (e *Engine) stopLocked(c *Container) {
	if !c.Running() && c.State != "paused" {
		return
	}
	c.State = "exited"
	c.kill()
	for _, other := range slices.Clone(e.containers) {
		if other.PidOf == c.ID {
			e.stopLocked(other)
		}
	}
	if c.Spec.AutoRemove {
		e.removeLocked(c)
	}
}

// RemoveContainer ends and removes a container.
func (e *Engine) RemoveContainer(ctx context.Context, id string) error {
	c, err := e.on(ctx, "remove", id)
	if engine.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	if c.ID != id {
		e.t.Errorf("container %s is removed by its name, which another one may have by now", id)
	}
	e.removeLocked(c)
	return nil
}

func (e *Engine) removeLocked(c *Container) {
	at := slices.Index(e.containers, c)
	if at < 0 {
		return
	}
	e.containers = slices.Delete(e.containers, at, at+1)
	e.stopLocked(c)
	c.kill()
	close(c.gone)
}

// WaitRemoved returns when a container is gone.
func (e *Engine) WaitRemoved(ctx context.Context, id string) error {
	if err := e.enter(ctx, "wait", e.nameOf(id)); err != nil {
		return err
	}
	c, err := e.find(id)
	e.mu.Unlock()
	if err != nil {
		return nil
	}
	select {
	case <-c.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
