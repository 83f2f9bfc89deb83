package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// ErrOccupied says that another throwaway container worked on the volume. It has
// ended by now, and may have done the same job: the caller is to check that.
var ErrOccupied = errors.New("another job has worked on the volume")

// abandonedAfter is how long, by the engine's clock, a throwaway container may be
// created and not started before its maker counts as dead.
const abandonedAfter = 30 * time.Second

// cleanup bounds the removal of a container after its user has given up.
const cleanup = 10 * time.Second

// ThrowawayName is the name of a volume's throwaway container. As an engine has it
// only once, it is a lock between all hosts that share the engine.
func ThrowawayName(volume string) string { return volume + "-sync" }

// A Job is one job of the agent on a volume.
type Job struct {
	Mode []string // the agent's mode with its arguments
	// InPlace: the volume is at /nix, and the Nix of one of its stamps does the
	// work; else it is beside the image's own /nix (agentapi.AlternateNix).
	InPlace bool
	In      io.Reader             // the job's stdin; nil: none
	Out     func(io.Reader) error // takes the job's stdout; its error ends the job
	Waiting func()                // is called when another job is waited for; nil: nobody is told
}

// Throwaway runs one job in the volume's throwaway container, which is gone
// afterwards, whatever happened. What the job wrote to stderr is the error when
// Out returns one.
func Throwaway(ctx context.Context, e Engine, p Place, anchor engine.Container, job Job) error {
	target := agentapi.AlternateNix
	if job.InPlace {
		target = agentapi.Nix
	}
	id, err := e.CreateContainer(ctx, engine.Specification{
		Name: ThrowawayName(p.Volume), Image: p.Image.ID, Platform: p.Platform,
		Entrypoint: append([]string{agentapi.Binary}, job.Mode...),
		Labels:     labels(p.Volume, RoleThrowaway),
		Mounts:     []engine.Mount{{Volume: p.Volume, Target: target}},
		PidOf:      anchor.ID,
		AutoRemove: true, NoNetwork: true, NoLog: true, Stdin: job.In != nil,
	})
	if engine.IsConflict(err) {
		if job.Waiting != nil {
			job.Waiting()
		}
		return awaitOther(ctx, e, p.Volume)
	}
	if err != nil {
		return err
	}
	defer discard(ctx, e, id)
	return runJob(ctx, e, p, id, job)
}

// discard removes a throwaway container, however long a busy engine takes. Its
// context outlives the caller's for a while, as the caller's end may have ended the
// job.
func discard(ctx context.Context, e Engine, id string) {
	user := ctx
	ctx, cancel := context.WithCancel(context.WithoutCancel(user))
	defer cancel()
	defer context.AfterFunc(user, func() { time.AfterFunc(cleanup, cancel) })()
	_ = e.RemoveContainer(ctx, id) // the engine removes it too, and the next job removes an abandoned one
	_ = e.WaitRemoved(ctx, id)
}

func runJob(ctx context.Context, e Engine, p Place, id string, job Job) error {
	archive, err := p.Agent.Archive(agentapi.Binary)
	if err != nil {
		return err
	}
	if err := e.CopyInto(ctx, id, archive); err != nil {
		return err
	}
	streams, err := e.Attach(ctx, id)
	if err != nil {
		return err
	}
	defer streams.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { streams.Close() })()
	if err := e.StartContainer(ctx, id); err != nil {
		return err
	}
	if job.In != nil {
		go feed(streams, job.In, cancel)
	}
	err = job.Out(streams)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, _ = io.Copy(io.Discard, streams) // stderr may follow what was read
	if failure := streams.Failure(); err != nil && failure != nil {
		return failure
	}
	return err
}

// feed writes the job's stdin to its end. If that cannot be read, feed cancels the
// job, which must not take a part for the whole. A job that reads no more has an
// error of its own.
func feed(to *engine.Stream, from io.Reader, cancel func(error)) {
	source := &failing{Reader: from}
	_, _ = io.Copy(to, source)
	if source.err != nil {
		cancel(source.err)
		return
	}
	_ = to.CloseWrite()
}

// failing tells a reader's error from a writer's.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
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
		if err := checkOurs(c, volume, RoleThrowaway); err != nil {
			return err
		}
		if c.Running() || c.State == "paused" {
			if err := e.WaitRemoved(ctx, c.ID); err != nil {
				return err
			}
			continue
		}
		if err := removeAbandoned(ctx, e, c); err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("waiting for container %s: %w", c.Name, err)
		}
	}
}

// removeAbandoned removes, by id, a container whose maker has had time enough to
// start it, or whose end the engine was too dead to clean up after.
func removeAbandoned(ctx context.Context, e Engine, c engine.Container) error {
	now, err := e.Now(ctx)
	if err != nil {
		return err
	}
	if now.Sub(c.Created) < abandonedAfter {
		return nil
	}
	return e.RemoveContainer(ctx, c.ID)
}
