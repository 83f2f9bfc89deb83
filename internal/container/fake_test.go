package container

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentbin/agentbintest"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// A fake is an engine in memory that holds callers to the order in which an
// engine allows things: nothing is started without its program, nothing is
// attached to once it runs, nothing joins a PID namespace that is not there.
type fake struct {
	t *testing.T

	mu         sync.Mutex
	containers []*held
	calls      []string // what changed something, in its order
	now        time.Time
	stdout     string // of a throwaway container's job
	stderr     string
	made       int

	// before is called, unlocked, before each call; what it returns is that call's error.
	before func(call, name string) error
}

type held struct {
	engine.Container
	spec     engine.Specification
	program  bool // the agent was copied into it
	attached bool
	gone     chan struct{}
}

type notFound struct{ error }

func (notFound) NotFound() {}

type conflict struct{ error }

func (conflict) Conflict() {}

var epoch = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)

func newFake(t *testing.T) *fake {
	return &fake{t: t, now: epoch, before: func(string, string) error { return nil }}
}

// add puts a container there without a call.
func (f *fake) add(c engine.Container) *held {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addLocked(c)
}

func (f *fake) addLocked(c engine.Container) *held {
	f.made++
	if c.ID == "" {
		c.ID = fmt.Sprintf("id%d", f.made)
	}
	h := &held{Container: c, gone: make(chan struct{}), program: c.State != "created"}
	f.containers = append(f.containers, h)
	return h
}

func (f *fake) find(name string) (*held, error) {
	for _, c := range f.containers {
		if c.ID == name || c.Name == name {
			return c, nil
		}
	}
	return nil, notFound{fmt.Errorf("no such container: %s", name)}
}

// enter begins a call; the fake is locked afterwards, unless the call fails.
func (f *fake) enter(ctx context.Context, call, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.before(call, name); err != nil {
		return err
	}
	f.mu.Lock()
	if call != "find" && call != "list" && call != "now" {
		f.calls = append(f.calls, strings.TrimSpace(call+" "+name))
	}
	return nil
}

func (f *fake) FindContainer(ctx context.Context, name string) (engine.Container, error) {
	if err := f.enter(ctx, "find", name); err != nil {
		return engine.Container{}, err
	}
	defer f.mu.Unlock()
	c, err := f.find(name)
	if err != nil {
		return engine.Container{}, err
	}
	return c.Container, nil
}

func (f *fake) Containers(ctx context.Context, labels ...string) ([]engine.Container, error) {
	if err := f.enter(ctx, "list", ""); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	var all []engine.Container
	for _, c := range f.containers {
		if !slices.ContainsFunc(labels, func(l string) bool {
			key, value, exact := strings.Cut(l, "=")
			has, ok := c.Labels[key]
			return !ok || exact && has != value
		}) {
			listed := c.Container
			listed.PidOf = "" // as an engine's list
			all = append(all, listed)
		}
	}
	return all, nil
}

func (f *fake) CreateContainer(ctx context.Context, s engine.Specification) (string, error) {
	if err := f.enter(ctx, "create", s.Name); err != nil {
		return "", err
	}
	defer f.mu.Unlock()
	if _, err := f.find(s.Name); err == nil {
		return "", conflict{fmt.Errorf("the name %s is taken", s.Name)}
	}
	if s.PidOf != "" {
		if anchor, err := f.find(s.PidOf); err != nil || !anchor.Running() {
			f.t.Errorf("%s joins the PID namespace of %s, which does not run", s.Name, s.PidOf)
		}
	}
	h := f.addLocked(engine.Container{Name: s.Name, State: "created", Image: s.Image, PidOf: s.PidOf, Created: f.now, Labels: s.Labels})
	h.spec = s
	return h.ID, nil
}

func (f *fake) CopyInto(ctx context.Context, id string, archive io.Reader) error {
	if err := f.enter(ctx, "copy", f.nameOf(id)); err != nil {
		return err
	}
	defer f.mu.Unlock()
	c, err := f.find(id)
	if err != nil {
		return err
	}
	if c.State != "created" {
		f.t.Errorf("the agent is copied into %s, which is %s", c.Name, c.State)
	}
	c.program = true
	_, err = io.Copy(io.Discard, archive)
	return err
}

func (f *fake) StartContainer(ctx context.Context, id string) error {
	if err := f.enter(ctx, "start", f.nameOf(id)); err != nil {
		return err
	}
	defer f.mu.Unlock()
	c, err := f.find(id)
	if err != nil {
		return err
	}
	if c.State == "paused" {
		return conflict{errors.New("cannot start a paused container, try unpause instead")}
	}
	if !c.program {
		f.t.Errorf("%s is started without its agent", c.Name)
	}
	if c.spec.AutoRemove && !c.attached {
		f.t.Errorf("%s is started before anybody reads it", c.Name)
	}
	c.State = "running"
	return nil
}

func (f *fake) UnpauseContainer(ctx context.Context, id string) error {
	if err := f.enter(ctx, "unpause", f.nameOf(id)); err != nil {
		return err
	}
	defer f.mu.Unlock()
	c, err := f.find(id)
	if err != nil {
		return err
	}
	if c.State != "paused" {
		f.t.Errorf("%s is unpaused when it is %s", c.Name, c.State)
	}
	c.State = "running"
	return nil
}

func (f *fake) StopContainer(context.Context, string, time.Duration) error {
	f.t.Error("this package stops nothing")
	return nil
}

func (f *fake) RemoveContainer(ctx context.Context, id string) error {
	if err := f.enter(ctx, "remove", f.nameOf(id)); err != nil {
		return err
	}
	defer f.mu.Unlock()
	f.removeLocked(id)
	return nil
}

func (f *fake) removeLocked(id string) {
	f.containers = slices.DeleteFunc(f.containers, func(c *held) bool {
		if c.ID == id {
			close(c.gone)
		} else if c.Name == id {
			f.t.Errorf("container %s is removed by its name, which another one may have by now", id)
		}
		return c.ID == id
	})
}

func (f *fake) WaitRemoved(ctx context.Context, id string) error {
	if err := f.before("wait", f.nameOf(id)); err != nil {
		return err
	}
	f.mu.Lock()
	c, err := f.find(id)
	f.mu.Unlock()
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

func (f *fake) Now(ctx context.Context) (time.Time, error) {
	if err := f.enter(ctx, "now", ""); err != nil {
		return time.Time{}, err
	}
	defer f.mu.Unlock()
	return f.now, nil
}

func (f *fake) nameOf(id string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, err := f.find(id); err == nil {
		return c.Name
	}
	return id
}

// Attach is a real stream of a real connection, as nothing else can make one.
// What the job says comes at once, and its end when the container is removed or
// when all was said.
func (f *fake) Attach(ctx context.Context, id string) (*engine.Stream, error) {
	if err := f.enter(ctx, "attach", f.nameOf(id)); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	c, err := f.find(id)
	if err != nil {
		return nil, err
	}
	if c.State != "created" {
		f.t.Errorf("%s is attached to when it is %s", c.Name, c.State)
	}
	c.attached = true
	wire := frame(2, f.stderr) + frame(1, f.stdout)
	endless := f.stdout == endlessJob
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"+wire)
		if endless {
			_, _ = io.Copy(io.Discard, conn) // until the reader is gone
		}
	}))
	f.t.Cleanup(server.Close)
	endpoint, err := engine.Find(engine.Choice{Host: "tcp://" + server.Listener.Addr().String()}, engine.Host{Getenv: func(string) string { return "" }})
	if err != nil {
		return nil, err
	}
	real, err := engine.Open(endpoint, "1.41")
	if err != nil {
		return nil, err
	}
	return real.Attach(context.Background(), id)
}

// endlessJob is what a job says that does not end.
const endlessJob = "endless\n"

func frame(stream byte, content string) string {
	return string(binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(content)))) + content
}

func (f *fake) wantCalls(want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.calls, want) {
		f.t.Errorf("the engine was asked to\n%q, want\n%q", f.calls, want)
	}
	f.calls = nil
}

// place is where the tests' containers are, with an agent that is there.
func place(t *testing.T) Place {
	t.Helper()
	program, err := agentbintest.Agents().For("amd64")
	if err != nil {
		t.Fatal(err)
	}
	return Place{Volume: "v", Image: engine.Image{ID: "image"}, Agent: program}
}

var errBroken = errors.New("the engine is broken")

var _ Engine = (*fake)(nil)
