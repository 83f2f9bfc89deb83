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

// An Open volume can be asked and worked on: its anchor runs.
type Open struct {
	Volume
	Engine Engine
	Place  container.Place // whose image the containers are made of
	Anchor engine.Container
	// Waiting is called by what has to wait for its turn; nil: nobody is told.
	Waiting func()
}

// Ask executes a mode of the agent in the anchor, which sees the volume beside
// the image's own /nix, and reads its answer as JSON. It is for short questions:
// nothing shows how far they are. An *UnusableError is the volume's own fault.
func (o Open) Ask(ctx context.Context, stdin string, answer any, mode ...string) error {
	output, err := o.execute(ctx, stdin, mode)
	if o.outdated(err) {
		if err := o.renewAgent(ctx); err != nil {
			return err
		}
		output, err = o.execute(ctx, stdin, mode)
	}
	var said *engine.ExitError
	if errors.As(err, &said) && said.Stderr != "" {
		return &UnusableError{Volume: o.Name, Err: err}
	}
	if err != nil {
		return fmt.Errorf("asking what volume %s holds: %w", o.Name, err)
	}
	if err := json.Unmarshal(output, answer); err != nil {
		return fmt.Errorf("reading what volume %s holds: %w", o.Name, err)
	}
	return nil
}

func (o Open) execute(ctx context.Context, stdin string, mode []string) ([]byte, error) {
	return o.Engine.Output(ctx, o.Anchor.ID, stdin, append([]string{agentapi.Binary}, mode...)...)
}

// outdated tells if an error is that of an agent which does not know its mode.
func (o Open) outdated(err error) bool {
	var said *engine.ExitError
	return errors.As(err, &said) && said.Status == agentapi.NoSuchMode && o.Place.Agent.Arch != ""
}

// renewAgent gives an anchor that an earlier nixproxy made the agent of this
// one to execute. Its own process goes on with what it was started from.
func (o Open) renewAgent(ctx context.Context) error {
	archive, err := o.Place.Agent.Archive(agentapi.Binary)
	if err != nil {
		return err
	}
	return o.Engine.CopyInto(ctx, o.Anchor.ID, archive)
}

// Do runs a job in the throwaway container. container.ErrOccupied says that
// another one had to be waited for, and may have done the same: look again.
func (o Open) Do(ctx context.Context, job container.Job) error {
	return container.Throwaway(ctx, o.Engine, o.Place, o.Anchor, job)
}

// DoNext is Do for a job that no other one can have done: it waits for its turn.
func (o Open) DoNext(ctx context.Context, job container.Job) error {
	if o.Waiting != nil {
		job.Waiting = sync.OnceFunc(o.Waiting)
	}
	for {
		err := o.Do(ctx, job)
		if !errors.Is(err, container.ErrOccupied) {
			return err
		}
	}
}

// Prepare makes a new volume ours inside, checks an old one, and tells what is
// in it.
func (o Open) Prepare(ctx context.Context) (p agentapi.Prepared, err error) {
	err = o.Ask(ctx, "", &p, "prepare")
	return p, err
}

// Look tells what is in the volume, and changes nothing: nor does it keep the
// anchor from ending for want of use.
func (o Open) Look(ctx context.Context) (p agentapi.Prepared, err error) {
	err = o.Ask(ctx, "", &p, "prepare", agentapi.LookOnly)
	return p, err
}

// A Progress is told how far a job is.
type Progress interface {
	Set(done, total int64)
	End(err error)
}
