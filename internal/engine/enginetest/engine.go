// Package enginetest is an engine in memory, for the tests of everything that
// asks one for something. It keeps containers, volumes and images as an engine
// does, refuses what an engine refuses, in errors that engine.IsNotFound and
// engine.IsConflict know, and records the calls in their order.
//
// A test holds a caller to an order with WantCalls, has calls fail with Fail and
// Before, and says with Program what the agent's modes do. Nothing but tests
// imports this package.
package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/engine"
)

// Epoch is the time on a new engine's clock.
var Epoch = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)

// An Engine is an engine in memory. It has the methods of *engine.Engine that
// packages ask for in their interfaces. It is safe for concurrent use; its fields
// are to be set before that.
type Engine struct {
	// Before is called before each call, with what it is called in Calls and the
	// name that it is about; what it returns is that call's error.
	Before func(call, name string) error
	// Info is what the engine says of itself.
	Info engine.Info
	// Product is the product that the engine is part of.
	Product engine.Kind
	// Address is where a published port of a running container is reached.
	Address string
	// Registry is what can be pulled, by reference.
	Registry map[string]engine.Image
	// Events are what a pull tells before it has ended.
	Events []engine.PullEvent

	t testing.TB

	mu         sync.Mutex
	now        time.Time
	made       int // containers, which have ids by that number
	containers []*Container
	names      map[string]string // of containers that there are and were, by their ids
	volumes    map[string]engine.Volume
	images     map[string]engine.Image // by reference
	programs   map[string]Program      // by the agent's mode
	failures   map[string][]error
	calls      []string
	requests   []string
	running    sync.WaitGroup
}

// New returns an engine for Linux on amd64 without containers, volumes and
// images. Its programs have ended when the test has.
func New(t testing.TB) *Engine {
	e := &Engine{
		t: t, now: Epoch, Info: engine.Info{APIVersion: "1.51", Version: "28.5.2", OS: "linux", Arch: "amd64"},
		Registry: map[string]engine.Image{}, volumes: map[string]engine.Volume{}, images: map[string]engine.Image{},
		names: map[string]string{}, programs: map[string]Program{}, failures: map[string][]error{},
	}
	t.Cleanup(e.end)
	return e
}

// end closes the streams of the programs that run, and waits for these.
func (e *Engine) end() {
	e.mu.Lock()
	for _, c := range e.containers {
		c.kill()
	}
	e.mu.Unlock()
	e.running.Wait()
}

// Fail has the next calls of a kind fail, one after the other; nil lets one pass.
// A call that fails so is in Requests, and not in Calls.
func (e *Engine) Fail(call string, errs ...error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failures[call] = append(e.failures[call], errs...)
}

// Record adds to Calls what a test itself does.
func (e *Engine) Record(call string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, call)
}

// Calls returns what changed something on the engine or in a container, in its
// order, as "start NAME", "exec NAME MODE ARGUMENT", "pull REFERENCE" and the like.
func (e *Engine) Calls() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// Requests returns all that the engine was asked for, in its order.
func (e *Engine) Requests() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// Forget empties Calls and Requests.
func (e *Engine) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls, e.requests = nil, nil
}

// WantCalls fails the test if Calls are others than these, and forgets them.
func (e *Engine) WantCalls(want ...string) {
	e.t.Helper()
	if calls := e.Calls(); !slices.Equal(calls, want) {
		e.t.Errorf("the engine was asked to\n%q, want\n%q", calls, want)
	}
	e.Forget()
}

// Advance moves the engine's clock.
func (e *Engine) Advance(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(d)
}

// Now returns the engine's clock.
func (e *Engine) Now(ctx context.Context) (time.Time, error) {
	if err := e.enter(ctx, "now", ""); err != nil {
		return time.Time{}, err
	}
	defer e.mu.Unlock()
	return e.now, nil
}

// Greet returns what the engine says of itself.
func (e *Engine) Greet(ctx context.Context) (engine.Info, error) {
	if err := e.enter(ctx, "greet", ""); err != nil {
		return engine.Info{}, err
	}
	defer e.mu.Unlock()
	return e.Info, nil
}

// Kind returns the engine's product.
func (e *Engine) Kind(context.Context) engine.Kind { return e.Product }

// enter begins a call. The engine is locked afterwards, unless the call fails.
func (e *Engine) enter(ctx context.Context, call, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	what := strings.TrimSpace(call + " " + name)
	if e.Before != nil {
		if err := e.Before(call, name); err != nil {
			e.request(what)
			return err
		}
	}
	e.mu.Lock()
	e.requests = append(e.requests, what)
	if errs := e.failures[call]; len(errs) > 0 {
		e.failures[call] = errs[1:]
		if errs[0] != nil {
			e.mu.Unlock()
			return errs[0]
		}
	}
	return nil
}

func (e *Engine) request(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, what)
}

// change is enter for a call that changes something.
func (e *Engine) change(ctx context.Context, call, name string) error {
	if err := e.enter(ctx, call, name); err != nil {
		return err
	}
	e.calls = append(e.calls, strings.TrimSpace(call+" "+name))
	return nil
}

// NotFound is an error for which engine.IsNotFound is true.
func NotFound(format string, a ...any) error { return notFound{fmt.Errorf(format, a...)} }

type notFound struct{ error }

func (notFound) NotFound() {}

// Conflict is an error for which engine.IsConflict is true.
func Conflict(format string, a ...any) error { return conflict{fmt.Errorf(format, a...)} }

type conflict struct{ error }

func (conflict) Conflict() {}
