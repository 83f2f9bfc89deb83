package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// ErrOccupied says that another throwaway container worked on the volume. It
// has ended by now, and may have done the same job: look again.
var ErrOccupied = errors.New("another job has worked on the volume")

// corpse is how long, by the engine's clock, a throwaway container may be
// created and not started before its maker counts as dead.
const corpse = 30 * time.Second

// cleanup bounds the removal of a container after its user has given up.
const cleanup = 10 * time.Second

// ThrowawayName is the name of a volume's throwaway container. That it can be
// there but once makes it a lock between all hosts that share the engine.
func ThrowawayName(volume string) string { return volume + "-sync" }

// Throwaway runs one job of the agent on the volume, mounted beside the image's
// own /nix, and hands its stdout to read. The container is gone afterwards,
// whatever happened.
func Throwaway(ctx context.Context, e Engine, p Place, anchor engine.Container, read func(io.Reader) error, job ...string) error {
	id, err := e.CreateContainer(ctx, engine.Specification{
		Name: ThrowawayName(p.Volume), Image: p.Image.ID, Platform: p.Platform,
		Entrypoint: append([]string{agent.Binary}, job...),
		Labels:     labels(p.Volume, RoleThrowaway),
		Mounts:     []engine.Mount{{Volume: p.Volume, Target: agent.BesideNix}},
		PidOf:      anchor.ID,
		AutoRemove: true, NoNetwork: true, NoLog: true,
	})
	if engine.IsConflict(err) {
		return awaitOther(ctx, e, p.Volume)
	}
	if err != nil {
		return err
	}
	defer discard(e, id)
	return perform(ctx, e, p, id, read)
}

// discard removes a throwaway container with a context of its own, as the
// caller's may be what ended the job.
func discard(e Engine, id string) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanup)
	defer cancel()
	_ = e.RemoveContainer(ctx, id) // the engine removes it too, and the next job looks for corpses
	_ = e.WaitRemoved(ctx, id)
}

func perform(ctx context.Context, e Engine, p Place, id string, read func(io.Reader) error) error {
	archive, err := p.Agent.Archive(agent.Binary)
	if err != nil {
		return err
	}
	if err := e.CopyInto(ctx, id, archive); err != nil {
		return err
	}
	output, err := e.Attach(ctx, id)
	if err != nil {
		return err
	}
	defer output.Close()
	defer context.AfterFunc(ctx, func() { output.Close() })()
	if err := e.StartContainer(ctx, id); err != nil {
		return err
	}
	err = read(output)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, _ = io.Copy(io.Discard, output) // stderr may follow what was read
	if text := output.Stderr(); err != nil && text != "" {
		return errors.New(text)
	}
	return err
}

// awaitOther returns ErrOccupied when the throwaway container that has the name
// is gone.
func awaitOther(ctx context.Context, e Engine, volume string) error {
	for {
		c, err := e.FindContainer(ctx, ThrowawayName(volume))
		if engine.IsNotFound(err) {
			return ErrOccupied
		}
		if err != nil {
			return err
		}
		if err := ours(c, volume, RoleThrowaway); err != nil {
			return err
		}
		if c.Running() || c.State == "paused" {
			if err := e.WaitRemoved(ctx, c.ID); err != nil {
				return err
			}
			continue
		}
		if err := removeCorpse(ctx, e, c); err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("waiting for container %s: %w", c.Name, err)
		}
	}
}

// removeCorpse removes, by id, a container whose maker has had time enough to
// start it, or whose end the engine was too dead to clean up after.
func removeCorpse(ctx context.Context, e Engine, c engine.Container) error {
	now, err := e.Now(ctx)
	if err != nil {
		return err
	}
	if now.Sub(c.Created) < corpse {
		return nil
	}
	return e.RemoveContainer(ctx, c.ID)
}
