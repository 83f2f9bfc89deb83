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
	l := newLaboratory(t)
	t.Run("restart", l.restart)
	t.Run("kills", func(t *testing.T) { l.each(t, killed, 100, 10, l.kill) })
	t.Run("power", func(t *testing.T) { l.each(t, writing, 100, 6, l.losePower) })
	t.Run("full-disk", func(t *testing.T) { l.each(t, filling, 10, 1, l.fillDisk) })
	t.Run("full-disk-collected", l.collectFull)
}

// restart starts an engine anew on which nothing but a volume was left.
func (l *laboratory) restart(t *testing.T) {
	l.machine.kill(t)
	l.start(t)
	p := l.place(t, l.one)
	p.succeed(t, "nixproxy", "sync")
	p.succeed(t, "nixproxy", "rm")
}

// each interrupts each operation so many times where there is time for that,
// else a sample of that size for all together.
func (l *laboratory) each(t *testing.T, all []operation, long, sample int, interrupt func(*testing.T, *round, time.Duration)) {
	for i, o := range all {
		n, measure := (sample+len(all)-1-i)/len(all), l.takesAsSync
		if os.Getenv("NIXPROXY_TEST_LONG") != "" {
			n, measure = long, l.undisturbed
		}
		if n == 0 {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			took := measure(t, o)
			for range n {
				r := l.begin(t, o)
				interrupt(t, r, time.Duration(l.random.Int64N(int64(took))))
				r.end(t)
			}
		})
	}
}

// takesAsSync is what an operation takes, more or less.
func (l *laboratory) takesAsSync(*testing.T, operation) time.Duration { return l.took }

// undisturbed measures how long an operation takes that nobody interrupts.
func (l *laboratory) undisturbed(t *testing.T, o operation) time.Duration {
	r := l.begin(t, o)
	defer r.end(t)
	begin := time.Now()
	if err := r.do(); err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	took := time.Since(begin)
	t.Logf("undisturbed it takes %v", took)
	return took
}

// kill kills what is the round's turn. What is not killed has to end by itself.
func (l *laboratory) kill(t *testing.T, r *round, after time.Duration) {
	victim := []string{"nixproxy", "container", "nixproxy", "engine", "container"}[l.rounds%5]
	a := r.attempt(t)
	time.Sleep(after)
	switch victim {
	case "nixproxy":
		a.cmd.Process.Kill()
	case "container":
		r.killContainer(t, a)
	case "engine":
		l.machine.kill(t)
	}
	a.wait(t)
	if victim == "engine" {
		l.start(t)
	}
	t.Logf("%d: %s killed after %v", l.rounds, victim, after)
	if err := r.completes(); err != nil {
		t.Errorf("%s killed after %v: %v", victim, after, err)
	}
}

// losePower switches the machine off at some moment, or as soon as nixproxy has
// said that it is done. What was being removed may be as it was, or half there, or
// gone, and the first nixproxy afterwards has to see which.
func (l *laboratory) losePower(t *testing.T, r *round, after time.Duration) {
	l.sync(t)
	a := r.attempt(t)
	if l.rounds%2 == 0 {
		a.wait(t)
		after = 0
	}
	if r.removes {
		r.removing(a)
		after /= 20 // of what it takes as a whole
	}
	time.Sleep(after)
	over := a.over()    // what ends between here and the kill has seen a disk that fails
	if l.rounds%4 < 2 { // the worst moment
		l.commit(t)
	}
	l.machine.losePower(t)
	said := a.wait(t) == nil && over
	l.start(t)
	l.forgetBoot(t, r.volume)
	intact := r.intact
	if r.removes && !said {
		intact = r.syncOther
	}
	err := intact()
	if said {
		r.stdout = strings.TrimSpace(a.stdout.String())
		err = errors.Join(err, r.holds(r))
	}
	t.Logf("%d: the power was lost after %v (said to be done: %v)", l.rounds, after, said)
	if err = errors.Join(err, r.completes()); err != nil {
		t.Errorf("the power was lost after %v (said to be done: %v): %v", after, said, err)
	}
}

// fillDisk leaves some space, which may or may not do.
func (l *laboratory) fillDisk(t *testing.T, r *round, _ time.Duration) {
	leave := l.random.Int64N(100 << 20)
	empty := l.fill(t, leave)
	failed := r.do()
	empty()
	if failed != nil && !strings.Contains(failed.Error(), "the engine's disk is full") {
		t.Errorf("with %d bytes of space: %v", leave, failed)
	}
	if err := errors.Join(r.intact(), r.completes()); err != nil {
		t.Errorf("with %d bytes of space, and then enough: %v", leave, err)
	}
}

// collectFull makes room on a disk that has none at all, not for a container
// either: what collects is a container that runs.
func (l *laboratory) collectFull(t *testing.T) {
	r := l.begin(t, collecting)
	defer r.end(t)
	r.succeed(t, "nixproxy", "run", "--", "true")
	empty := l.fill(t, 0)
	failed := r.do()
	empty()
	if err := errors.Join(failed, r.intact(), r.holds(r), r.completes()); err != nil {
		t.Error(err)
	}
}
