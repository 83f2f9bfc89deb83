package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// An Engine speaks to one engine. It keeps no connection when idle for long
// and is safe for concurrent use.
type Engine struct {
	Endpoint Endpoint
	Warn     func(format string, a ...any) // receives the engine's warnings; nil drops them
	api      *client.Client
	platform string // os/arch of its kernel, since Greet
}

// Info is what an engine says of itself.
type Info struct {
	APIVersion string // the version we speak with it, such as 1.41
	Version    string // the engine's own, such as 28.5.2
	OS, Arch   string // of its kernel, in Go's words: linux, arm64
}

// wakeUp bounds the first answer: Docker Desktop's Resource Saver and other
// sleeping VMs were seen to need 3 to 10 s.
const wakeUp = 15 * time.Second

// Open prepares to speak to the engine at the endpoint and sends nothing.
// apiVersion is what an earlier Greet returned; empty means that Greet follows.
func Open(endpoint Endpoint, apiVersion string) (*Engine, error) {
	options := endpoint.options
	if apiVersion != "" {
		options = append(options[:len(options):len(options)], client.WithVersion(apiVersion))
	}
	api, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, fmt.Errorf("using the engine at %s: %w", endpoint.Address, err)
	}
	return &Engine{Endpoint: endpoint, api: api}, nil
}

// Greet asks the engine for its version and platform. It waits for an engine that
// is just waking up.
func (e *Engine) Greet(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, wakeUp)
	defer cancel()
	version, err := e.api.ServerVersion(ctx)
	if err != nil {
		return Info{}, e.unreachable(err)
	}
	e.platform = version.Os + "/" + version.Arch
	return Info{
		APIVersion: e.api.ClientVersion(),
		Version:    version.Version,
		OS:         version.Os,
		Arch:       version.Arch,
	}, nil
}

func (e *Engine) warn(warnings []string) {
	for _, warning := range warnings {
		if e.Warn != nil {
			e.Warn("the engine says: %s", warning)
		}
	}
}

// Now is the engine's own clock, which a VM that slept may keep differently.
func (e *Engine) Now(ctx context.Context) (time.Time, error) {
	info, err := e.api.Info(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("asking the engine for its time: %w", err)
	}
	now, err := time.Parse(time.RFC3339Nano, info.SystemTime)
	if err != nil {
		return time.Now(), nil // Podman before 5 leaves it out
	}
	return now, nil
}

// IsNotFound tells whether the engine said that the named object does not exist.
func IsNotFound(err error) bool { return errdefs.IsNotFound(err) }

// IsConflict tells whether the engine refused because of another object or
// state: a name that is taken, a container that does not run.
func IsConflict(err error) bool { return errdefs.IsConflict(err) }

// IsInvalid tells whether the engine refused a request that it cannot fulfil,
// such as more processors than it has.
func IsInvalid(err error) bool { return errdefs.IsInvalidArgument(err) }

// unreachable returns the error for an engine that does not answer.
func (e *Engine) unreachable(err error) error {
	reason := plainly(err).Error()
	if client.IsErrConnectionFailed(err) {
		reason = "nothing listens there" // the client's text asks whether it runs
	}
	return hint.Add(fmt.Errorf("the engine at %s (%s) does not answer: %s", e.Endpoint.Address, e.Endpoint.Origin, reason),
		"start it, or name another with --host or --context")
}

// A daemonError is an error in the engine's words without the client's
// introduction, since ours name the request already.
type daemonError struct{ error }

func (d daemonError) Error() string {
	return strings.TrimPrefix(d.error.Error(), "Error response from daemon: ")
}

func (d daemonError) Unwrap() error { return d.error }

// plainly returns an error in the engine's words, with what they mean for a disk.
func plainly(err error) error { return explainDisk(daemonError{err}) }
