package volume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// A Handle is a volume whose anchor runs, so that it can be queried and worked on.
type Handle struct {
	Volume
	Engine Engine
	Place  container.Place // whose image the containers are made of
	Anchor engine.Container
	// Waiting is called by a job that has to wait for its turn; nil: nothing is.
	Waiting func()
}

// Query executes a mode of the agent in the anchor, which sees the volume beside
// the image's own /nix, and reads its answer as JSON. It is for short questions:
// nothing shows how far they are. An *UnusableError is the volume's own fault.
func (h Handle) Query(ctx context.Context, stdin string, answer any, mode ...string) error {
	output, err := h.execute(ctx, stdin, mode)
	if h.outdated(err) {
		if err := h.renewAgent(ctx); err != nil {
			return err
		}
		output, err = h.execute(ctx, stdin, mode)
	}
	if exit, ok := errors.AsType[*engine.ExitError](err); ok && exit.Err != nil {
		return &UnusableError{Volume: h.Name, Err: err}
	}
	if err != nil {
		return fmt.Errorf("asking what volume %s holds: %w", h.Name, err)
	}
	if err := json.Unmarshal(output, answer); err != nil {
		return fmt.Errorf("reading what volume %s holds: %w", h.Name, err)
	}
	return nil
}

func (h Handle) execute(ctx context.Context, stdin string, mode []string) ([]byte, error) {
	return h.Engine.Output(ctx, h.Anchor.ID, stdin, append([]string{agentapi.Binary}, mode...)...)
}

// outdated tells if an error is that of an agent which does not know its mode.
func (h Handle) outdated(err error) bool {
	exit, ok := errors.AsType[*engine.ExitError](err)
	return ok && exit.Status == agentapi.NoSuchMode && h.Place.Agent.Arch != ""
}

// renewAgent gives an anchor that an earlier nixproxy made the agent of this
// one to execute. Its own process goes on with what it was started from.
func (h Handle) renewAgent(ctx context.Context) error {
	archive, err := h.Place.Agent.Archive(agentapi.Binary)
	if err != nil {
		return err
	}
	return h.Engine.CopyInto(ctx, h.Anchor.ID, archive)
}

// Run runs a job in the throwaway container. container.ErrOccupied says that
// another job had to be waited for, and may have done the same: check again.
func (h Handle) Run(ctx context.Context, job container.Job) error {
	return container.Throwaway(ctx, h.Engine, h.Place, h.Anchor, job)
}

// RunNext is Run for a job that no other one can have done: it waits for its turn.
func (h Handle) RunNext(ctx context.Context, job container.Job) error {
	if h.Waiting != nil {
		job.Waiting = sync.OnceFunc(h.Waiting)
	}
	for {
		err := h.Run(ctx, job)
		if !errors.Is(err, container.ErrOccupied) {
			return err
		}
	}
}

// Prepare makes a new volume ours inside, checks an old one, and tells what is
// in it.
func (h Handle) Prepare(ctx context.Context) (p agentapi.Prepared, err error) {
	err = h.Query(ctx, "", &p, agentapi.ModePrepare)
	return p, err
}

// Contents tells what is in the volume, and changes nothing: nor does it keep the
// anchor from ending for want of use.
func (h Handle) Contents(ctx context.Context) (p agentapi.Prepared, err error) {
	err = h.Query(ctx, "", &p, agentapi.ModePrepare, agentapi.ReadOnly)
	return p, err
}

// A Progress is told how far a job is.
type Progress interface {
	Set(done, total int64)
	End(err error)
}
