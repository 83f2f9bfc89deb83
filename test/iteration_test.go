//go:build linux && acceptance

package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// An iteration interrupts an operation once, on a volume that it has for itself.
type iteration struct {
	*fixture.Project
	operation
	*reliabilityFixture
	valid  []string // what was, when the volume was last examined
	stdout string   // of the operation, when it last succeeded
}

func (f *reliabilityFixture) begin(t *testing.T, o operation) *iteration {
	t.Helper()
	f.iterations++
	it := &iteration{operation: o, reliabilityFixture: f}
	it.Project = f.project(t, fmt.Sprintf("%s%s-%d-0", suite.Prefix, o.name, f.iterations))
	from := f.one
	if o.full {
		from = f.both
	}
	f.CopyVolume(t, from, it.Volume)
	if o.prepare != nil {
		if err := o.prepare(it); err != nil {
			t.Fatal(err)
		}
	}
	return it
}

func (it *iteration) end(t *testing.T) {
	if err := it.Clean(it.Volume); err != nil {
		t.Errorf("cleaning up: %v", err)
	}
}

// run runs the operation to its end.
func (it *iteration) run() error {
	output, err := it.Command(it.argv(it.reliabilityFixture)...).Output()
	if err != nil {
		return fmt.Errorf("%w: %s", err, harness.Stderr(err))
	}
	it.stdout = strings.TrimSpace(string(output))
	return nil
}

// syncOther has the first nixproxy after a loss of power count on what there may
// still be of the other image, and says what is missing then.
func (it *iteration) syncOther() error {
	if output, err := it.Command(imageSync.argv(it.reliabilityFixture)...).CombinedOutput(); err != nil {
		return fmt.Errorf("a sync of the other image: %w: %s", err, output)
	}
	if err := errors.Join(it.checkIntact(), it.hasBoth()); err != nil {
		return fmt.Errorf("after a sync of the other image: %w", err)
	}
	return it.dropOther() // or it would be the image that was used last
}

// checkIntact says what is wrong with the volume, apart from what was interrupted in it.
func (it *iteration) checkIntact() (err error) {
	if it.valid, err = it.Verify(it.reference(), it.Volume); err != nil {
		return err
	}
	return engine.ExpectValid(it.before, it.valid)
}

// checkCompletes has nixproxy try again, and says what is not as it should be then.
func (it *iteration) checkCompletes() error {
	if err := it.run(); err != nil {
		return fmt.Errorf("the next call: %w", err)
	}
	if err := it.checkIntact(); err != nil {
		return fmt.Errorf("after the next call: %w", err)
	}
	left, err := it.reliabilityFixture.Temporary(it.Volume, it.valid)
	if len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("these stay: %q", left))
	}
	return errors.Join(err, it.check(it), it.reliabilityFixture.Surplus(it.Volume))
}

// awaitRemoval waits until the first store path is gone.
func (it *iteration) awaitRemoval(a *attempt) {
	store := it.reliabilityFixture.VolumePath(it.Volume, "store")
	before, _ := os.ReadDir(store)
	for now := before; len(now) >= len(before) && !a.over(); now, _ = os.ReadDir(store) {
		time.Sleep(time.Millisecond)
	}
}

// killContainer kills the container that the operation is under way in: the
// throwaway, or else the anchor, where all that needs none is executed.
func (it *iteration) killContainer(t *testing.T, a *attempt) {
	for !a.over() {
		for _, role := range []string{"throwaway", "anchor"} {
			found, err := it.reliabilityFixture.InRole(it.Volume, role)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range found {
				if it.reliabilityFixture.ContainerKill(context.Background(), c.ID, "KILL") == nil {
					return
				} // else it does not run yet, or no more
			}
		}
	}
}

// An attempt is the operation under way.
type attempt struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
	err            error
}

func (it *iteration) attempt(t *testing.T) *attempt {
	t.Helper()
	a := &attempt{cmd: it.Command(it.argv(it.reliabilityFixture)...), ended: make(chan struct{})}
	a.cmd.Stdout, a.cmd.Stderr = &a.stdout, &a.stderr
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { a.err = a.cmd.Wait(); close(a.ended) }()
	return a
}

func (a *attempt) over() bool {
	select {
	case <-a.ended:
		return true
	default:
		return false
	}
}

// wait returns how the attempt ended. It has to, whatever was killed.
func (a *attempt) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-a.ended:
	case <-time.After(harness.Limit):
		t.Errorf("it does not end; until now it said: %s", &a.stderr)
		a.cmd.Process.Kill()
		<-a.ended
	}
	return a.err
}
