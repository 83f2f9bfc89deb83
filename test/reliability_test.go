//go:build linux && acceptance

package test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// Whatever is killed, whenever the power goes, and however full the disk is:
// nothing that was valid is lost, and the next call completes what was begun.
// NIXPROXY_TEST_SEED repeats a run.
func TestReliability(t *testing.T) {
	t.Parallel()
	f := newReliabilityFixture(t)
	t.Run("restart", f.restart)
	t.Run("kills", func(t *testing.T) { f.each(t, killed, 100, 10, f.kill) })
	t.Run("power", func(t *testing.T) { f.each(t, writing, 100, 6, f.losePower) })
	t.Run("full-disk", func(t *testing.T) { f.each(t, filling, 10, 1, f.fillDisk) })
	t.Run("full-disk-collected", f.collectFull)
}

// restart starts an engine anew on which nothing but a volume was left.
func (f *reliabilityFixture) restart(t *testing.T) {
	f.Machine.Kill(t)
	f.Start(t)
	p := f.project(t, f.one)
	p.Succeed(t, "nixproxy", "sync")
	p.Succeed(t, "nixproxy", "rm")
}

// each interrupts each operation so many times where there is time for that,
// else a sample of that size for all together.
func (f *reliabilityFixture) each(t *testing.T, all []operation, long, sample int, interrupt func(*testing.T, *iteration, time.Duration)) {
	for i, o := range all {
		n, measure := (sample+len(all)-1-i)/len(all), f.takesAsSync
		if os.Getenv("NIXPROXY_TEST_LONG") != "" {
			n, measure = long, f.undisturbed
		}
		if n == 0 {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			took := measure(t, o)
			for range n {
				it := f.begin(t, o)
				interrupt(t, it, time.Duration(f.random.Int64N(int64(took))))
				it.end(t)
			}
		})
	}
}

// takesAsSync is what an operation takes, more or less.
func (f *reliabilityFixture) takesAsSync(*testing.T, operation) time.Duration { return f.took }

// undisturbed measures how long an operation takes that nobody interrupts.
func (f *reliabilityFixture) undisturbed(t *testing.T, o operation) time.Duration {
	it := f.begin(t, o)
	defer it.end(t)
	begin := time.Now()
	if err := it.run(); err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	took := time.Since(begin)
	t.Logf("undisturbed it takes %v", took)
	return took
}

// kill kills what is this iteration's turn. What is not killed has to end by itself.
func (f *reliabilityFixture) kill(t *testing.T, it *iteration, after time.Duration) {
	victim := []string{"nixproxy", "container", "nixproxy", "engine", "container"}[f.iterations%5]
	a := it.attempt(t)
	time.Sleep(after)
	switch victim {
	case "nixproxy":
		a.cmd.Process.Kill()
	case "container":
		it.killContainer(t, a)
	case "engine":
		f.Machine.Kill(t)
	}
	a.wait(t)
	if victim == "engine" {
		f.Start(t)
	}
	t.Logf("%d: %s killed after %v", f.iterations, victim, after)
	if err := it.checkCompletes(); err != nil {
		t.Errorf("%s killed after %v: %v", victim, after, err)
	}
}

// losePower switches the machine off at some moment, or as soon as nixproxy has
// said that it is done. What was being removed may be as it was, or half there, or
// gone, and the first nixproxy afterwards has to see which.
func (f *reliabilityFixture) losePower(t *testing.T, it *iteration, after time.Duration) {
	f.Sync(t)
	a := it.attempt(t)
	if f.iterations%2 == 0 {
		a.wait(t)
		after = 0
	}
	if it.removes {
		it.awaitRemoval(a)
		after /= 20 // of what it takes as a whole
	}
	time.Sleep(after)
	over := a.over()        // what ends between here and the kill has seen a disk that fails
	if f.iterations%4 < 2 { // the worst moment
		f.Commit(t)
	}
	f.Machine.LosePower(t)
	said := a.wait(t) == nil && over
	f.Start(t)
	f.ForgetBoot(t, it.Volume)
	intact := it.checkIntact
	if it.removes && !said {
		intact = it.syncOther
	}
	err := intact()
	if said {
		it.stdout = strings.TrimSpace(a.stdout.String())
		err = errors.Join(err, it.check(it))
	}
	t.Logf("%d: the power was lost after %v (said to be done: %v)", f.iterations, after, said)
	if err = errors.Join(err, it.checkCompletes()); err != nil {
		t.Errorf("the power was lost after %v (said to be done: %v): %v", after, said, err)
	}
}

// fillDisk leaves some space, which may or may not do.
func (f *reliabilityFixture) fillDisk(t *testing.T, it *iteration, _ time.Duration) {
	leave := f.random.Int64N(100 << 20)
	empty := f.Fill(t, leave)
	failed := it.run()
	empty()
	if failed != nil && !strings.Contains(failed.Error(), "the engine's disk is full") {
		t.Errorf("with %d bytes of space: %v", leave, failed)
	}
	if err := errors.Join(it.checkIntact(), it.checkCompletes()); err != nil {
		t.Errorf("with %d bytes of space, and then enough: %v", leave, err)
	}
}

// collectFull makes room on a disk that has none at all, not for a container
// either: what collects is a container that runs.
func (f *reliabilityFixture) collectFull(t *testing.T) {
	it := f.begin(t, gc)
	defer it.end(t)
	it.Succeed(t, "nixproxy", "run", "--", "true")
	empty := f.Fill(t, 0)
	failed := it.run()
	empty()
	if err := errors.Join(failed, it.checkIntact(), it.check(it), it.checkCompletes()); err != nil {
		t.Error(err)
	}
}
