// Package container makes and ends the three kinds of container that nixproxy
// has: the anchor, the throwaway and the proxy container. It knows their names,
// their labels, and how to complete one that a killed nixproxy left half-made.
package container

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// Labels of everything that nixproxy makes on an engine.
const (
	LabelVolume        = "dev.nixproxy.volume"
	LabelRole          = "dev.nixproxy.role"
	LabelImage         = "dev.nixproxy.image" // identity
	LabelNix           = "dev.nixproxy.nix"   // version
	LabelProject       = "dev.nixproxy.project"
	LabelSpecification = "dev.nixproxy.specification"
)

// A Role is the kind of a container.
type Role string

const (
	RoleAnchor    Role = "anchor"
	RoleThrowaway Role = "throwaway"
	RoleProxy     Role = "proxy"
)

// An Engine is what this package asks of an engine; *engine.Engine is one.
type Engine interface {
	FindContainer(ctx context.Context, name string) (engine.Container, error)
	Containers(ctx context.Context, labels ...string) ([]engine.Container, error)
	CreateContainer(ctx context.Context, s engine.Specification) (string, error)
	CopyInto(ctx context.Context, id string, archive io.Reader) error
	StartContainer(ctx context.Context, id string) error
	UnpauseContainer(ctx context.Context, id string) error
	StopContainer(ctx context.Context, id string, grace time.Duration) error
	RemoveContainer(ctx context.Context, id string) error
	WaitRemoved(ctx context.Context, id string) error
	Attach(ctx context.Context, id string) (*engine.Stream, error)
	Now(ctx context.Context) (time.Time, error)
}

// A Place is what all containers on one volume have in common.
type Place struct {
	Volume   string
	Image    engine.Image
	Platform string // os/arch of the image; empty: the engine's own
	Agent    agentbin.Program
}

// List returns the containers of a volume, or with an empty name of all
// volumes, that nixproxy made.
func List(ctx context.Context, e Engine, volume string) ([]engine.Container, error) {
	label := LabelVolume
	if volume != "" {
		label += "=" + volume
	}
	return e.Containers(ctx, label)
}

func labels(volume string, role Role) map[string]string {
	return map[string]string{LabelVolume: volume, LabelRole: string(role)}
}

// checkOurs refuses a container that has the name of one of ours and is not.
func checkOurs(c engine.Container, volume string, role Role) error {
	if c.Labels[LabelVolume] != volume || c.Labels[LabelRole] != string(role) {
		return hint.Add(fmt.Errorf("container %s was not made by nixproxy", c.Name), "rename or remove it, or use another --volume")
	}
	return nil
}

// complete gets a container running that was found or just created. One that was
// never started may lack the agent, which is copied into it (again).
func complete(ctx context.Context, e Engine, c engine.Container, program agentbin.Program, files ...agentbin.File) error {
	switch c.State {
	case "running":
		return nil
	case "paused":
		return e.UnpauseContainer(ctx, c.ID)
	case "created":
		archive, err := program.Archive(agentapi.Binary, files...)
		if err != nil {
			return err
		}
		if err := e.CopyInto(ctx, c.ID, archive); err != nil {
			return err
		}
	}
	return e.StartContainer(ctx, c.ID)
}

// pause waits between two inspections of another client's container.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}

// settle bounds the wait for a name that is taken by a container which cannot be
// inspected because it is just being removed.
const settle = 20 * time.Second

// findOrCreate returns the container of a name. Several creators at once all get
// the container of the first.
func findOrCreate(ctx context.Context, e Engine, s engine.Specification) (engine.Container, error) {
	for deadline := time.Now().Add(settle); ; {
		c, err := e.FindContainer(ctx, s.Name)
		if err == nil || !engine.IsNotFound(err) {
			return c, err
		}
		_, err = e.CreateContainer(ctx, s)
		if err == nil {
			continue
		}
		if !engine.IsConflict(err) || time.Now().After(deadline) {
			return engine.Container{}, err
		}
		if err := pause(ctx); err != nil {
			return engine.Container{}, err
		}
	}
}
