package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/volume"
)

// A laboratory is a machine with volumes to make copies of, so that each round
// begins with the same.
type laboratory struct {
	*machine
	random       *rand.Rand
	home         string
	env          []string
	image, other nixImage      // both on the machine
	one, both    string        // volumes with the store of the first, and of both
	before       []string      // what is valid in the former
	archive      string        // an export of the latter
	took         time.Duration // for a sync of the other image
	rounds       int           // until now, and some more: they take turns
}

func newLaboratory(t *testing.T) *laboratory {
	w := theWorld
	l := &laboratory{
		machine: newMachine(t, 4<<30), random: newRandom(t), home: t.TempDir(), image: w.images[1], other: w.images[2],
		one: w.prefix + "one-0", both: w.prefix + "both-0",
	}
	l.rounds = l.random.IntN(100)
	l.env = []string{"HOSTNIX_STORE=" + t.TempDir()}
	if err := makeHome(l.home); err != nil {
		t.Fatal(err)
	}
	one := l.place(t, l.one)
	for _, i := range []nixImage{l.image, l.other} {
		l.env = append(l.env, "HOSTNIX_"+strings.ReplaceAll(i.Version, ".", "_")+"="+i.Root+":"+i.Nix)
		one.succeed(t, "nixproxy", "image", "load", i.Archive)
	}
	one.succeed(t, "nixproxy", "sync")
	one.succeed(t, "nixproxy", "rm")
	var err error
	if l.before, err = l.examine(l.reference(), l.one); err != nil {
		t.Fatal(err)
	}
	l.copyVolume(t, l.one, l.both)
	both := l.place(t, l.both)
	begin := time.Now()
	both.succeed(t, "nixproxy", "--nix-version", l.other.Version, "sync")
	l.took = time.Since(begin)
	l.archive = filepath.Join(l.home, "both.tar.zst")
	both.succeed(t, "nixproxy", "volume", "export", "-o", l.archive)
	both.succeed(t, "nixproxy", "run", "--", "true") // the first is the one used last
	both.succeed(t, "nixproxy", "rm")
	return l
}

// reference is the first image's on the machine.
func (l *laboratory) reference() string { return "nixos/nix:" + l.image.Version }

// place is one to work on a volume of the laboratory's in.
func (l *laboratory) place(t *testing.T, volume string) *place {
	p := &place{engine: l.testEngine, volume: volume, dir: t.TempDir()}
	p.env = append(append(os.Environ(), l.env...), "HOME="+l.home, "DOCKER_CONFIG="+l.home, "DOCKER_HOST="+l.host, "PATH="+theWorld.bin+":"+os.Getenv("PATH"),
		"NIXPROXY_NIX_VERSION="+l.image.Version,
		"NIXPROXY_STATE="+filepath.Join(t.TempDir(), "state"), "NIXPROXY_VOLUME="+volume)
	return p
}

// succeed runs a command that has to, and returns its stdout.
func (p *place) succeed(t *testing.T, argv ...string) string {
	t.Helper()
	output, err := p.command(argv...).Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, stderrOf(err))
	}
	return strings.TrimSpace(string(output))
}

// A round interrupts an operation once, on a volume that it has for itself.
type round struct {
	*place
	operation
	*laboratory
	valid  []string // what was, when the volume was last examined
	stdout string   // of the operation, when it last succeeded
}

func (l *laboratory) begin(t *testing.T, o operation) *round {
	t.Helper()
	l.rounds++
	r := &round{operation: o, laboratory: l}
	r.place = l.place(t, fmt.Sprintf("%s%s-%d-0", theWorld.prefix, o.name, l.rounds))
	from := l.one
	if o.full {
		from = l.both
	}
	l.copyVolume(t, from, r.volume)
	if o.prepare != nil {
		if err := o.prepare(r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (m *machine) copyVolume(t *testing.T, from, to string) {
	t.Helper()
	old, err := m.VolumeInspect(context.Background(), from)
	if err != nil {
		t.Fatal(err)
	}
	labels := maps.Clone(old.Labels)
	labels[labelVolume] = to
	if _, err := m.VolumeCreate(context.Background(), volume.CreateOptions{Name: to, Labels: labels}); err != nil {
		t.Fatal(err)
	}
	// Nobody writes into the files of store paths, so they may be the same ones.
	const script = `cp -al "$0/store" "$1" && cp -a "$0/var" "$1"`
	if output, err := exec.Command("sh", "-c", script, m.volumePath(from), m.volumePath(to)).CombinedOutput(); err != nil {
		t.Fatalf("copying volume %s: %v\n%s", from, err, output)
	}
}

func (r *round) end(t *testing.T) {
	if err := r.clean(r.volume); err != nil {
		t.Errorf("cleaning up: %v", err)
	}
}

// do runs the operation to its end.
func (r *round) do() error {
	output, err := r.command(r.argv(r.laboratory)...).Output()
	if err != nil {
		return fmt.Errorf("%w: %s", err, stderrOf(err))
	}
	r.stdout = strings.TrimSpace(string(output))
	return nil
}

// syncOther has the first nixproxy after a loss of power count on what there may
// still be of the other image, and says what is missing then.
func (r *round) syncOther() error {
	if output, err := r.command(imageSync.argv(r.laboratory)...).CombinedOutput(); err != nil {
		return fmt.Errorf("a sync of the other image: %w: %s", err, output)
	}
	if err := errors.Join(r.intact(), r.hasBoth()); err != nil {
		return fmt.Errorf("after a sync of the other image: %w", err)
	}
	return r.letGo() // or it would be the image that was used last
}

// intact says what is wrong with the volume, apart from what was interrupted in it.
func (r *round) intact() (err error) {
	if r.valid, err = r.examine(r.reference(), r.volume); err != nil {
		return err
	}
	return missing(r.before, r.valid)
}

// completes has nixproxy try again, and says what is not as it should be then.
func (r *round) completes() error {
	if err := r.do(); err != nil {
		return fmt.Errorf("the next call: %w", err)
	}
	if err := r.intact(); err != nil {
		return fmt.Errorf("after the next call: %w", err)
	}
	left, err := r.laboratory.temporary(r.volume, r.valid)
	if len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("these stay: %q", left))
	}
	return errors.Join(err, r.holds(r), r.laboratory.staying(r.volume))
}

// removing waits until the first store path is gone.
func (r *round) removing(a *attempt) {
	store := r.laboratory.volumePath(r.volume, "store")
	before, _ := os.ReadDir(store)
	for now := before; len(now) >= len(before) && !a.over(); now, _ = os.ReadDir(store) {
		time.Sleep(time.Millisecond)
	}
}

// killContainer kills the container that the operation is under way in: the
// throwaway, or else the anchor, where all that needs none is executed.
func (r *round) killContainer(t *testing.T, a *attempt) {
	for !a.over() {
		for _, role := range []string{"throwaway", "anchor"} {
			found, err := r.laboratory.role(r.volume, role)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range found {
				if r.laboratory.ContainerKill(context.Background(), c.ID, "KILL") == nil {
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

func (r *round) attempt(t *testing.T) *attempt {
	t.Helper()
	a := &attempt{cmd: r.command(r.argv(r.laboratory)...), ended: make(chan struct{})}
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
	case <-time.After(slowest):
		t.Errorf("it does not end; until now it said: %s", &a.stderr)
		a.cmd.Process.Kill()
		<-a.ended
	}
	return a.err
}
