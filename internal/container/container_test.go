package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin"
	"github.com/nixproxy/nixproxy/internal/agentbin/agentbintest"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
)

// newEngine is an engine with the image of place.
func newEngine(t *testing.T) *enginetest.Engine {
	e := enginetest.New(t)
	e.AddImage(engine.Image{ID: "image", OS: "linux", Arch: "amd64"}, "nixos/nix:2.26.3")
	return e
}

// place is where the tests' containers are, with an agent that is there.
func place(t *testing.T) Place {
	t.Helper()
	program, err := agentbintest.Agents().For("amd64")
	if err != nil {
		t.Fatal(err)
	}
	return Place{Volume: "v", Image: engine.Image{ID: "image"}, Agent: program}
}

func setState(e *enginetest.Engine, name, state string) {
	e.Change(name, func(c *enginetest.Container) { c.State = state })
}

var errBroken = errors.New("the engine is broken")

var _ Engine = (*enginetest.Engine)(nil)

// anchored is an engine with a running anchor.
func anchored(t *testing.T) (*enginetest.Engine, Place, engine.Container) {
	t.Helper()
	f, p := newEngine(t), place(t)
	anchor, err := Anchor(t.Context(), f, p)
	if err != nil {
		t.Fatal(err)
	}
	f.WantCalls("create v-anchor", "copy v-anchor", "start v-anchor")
	return f, p, anchor
}

func TestAnchorIsMadeOnce(t *testing.T) {
	f, p, anchor := anchored(t)
	again, err := Anchor(t.Context(), f, p)
	if err != nil || again.ID != anchor.ID {
		t.Errorf("got %s after %s, %v", again.ID, anchor.ID, err)
	}
	f.WantCalls()
	setState(f, "v-anchor", "exited") // the engine was restarted: its id, and so its namespace's name, stays
	if again, err = Anchor(t.Context(), f, p); err != nil || again.ID != anchor.ID {
		t.Errorf("got %s after %s, %v", again.ID, anchor.ID, err)
	}
	f.WantCalls("start v-anchor")
	spec := f.Container("v-anchor").Spec
	if !spec.Init || !spec.NoNetwork || spec.PidOf != "" || len(spec.Mounts) != 1 || spec.Mounts[0] != (engine.Mount{Volume: "v", Target: agentapi.AlternateNix}) {
		t.Errorf("the anchor is %+v", spec)
	}
}

func TestPausedContainersGoOn(t *testing.T) {
	f, p, anchor := anchored(t)
	proxy := Proxy{Place: p, Identity: "i"}
	if _, _, err := proxy.Ensure(t.Context(), f, anchor); err != nil {
		t.Fatal(err)
	}
	f.Forget()
	for _, name := range f.Names() {
		setState(f, name, "paused")
	}
	if _, err := Anchor(t.Context(), f, p); err != nil {
		t.Error(err)
	}
	if _, fresh, err := proxy.Ensure(t.Context(), f, anchor); err != nil || fresh {
		t.Errorf("fresh %v, %v", fresh, err)
	}
	f.WantCalls("unpause v-anchor", "unpause "+proxy.Name())
}

// A container that is just being removed holds its name and cannot be looked at.
func TestNameThatIsTakenUnseenIsWaitedFor(t *testing.T) {
	f, p := newEngine(t), place(t)
	tries := 0
	f.Before = func(call, name string) error {
		if call != "create" {
			return nil
		}
		if tries++; tries < 3 {
			return enginetest.Conflict("the name is taken")
		}
		return nil
	}
	if _, err := Anchor(t.Context(), f, p); err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	tries = -1000
	f.Vanish("v-anchor")
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	before := f.Before
	f.Before = func(call, name string) error {
		if looks++; looks == 4 {
			cancel()
		}
		return before(call, name)
	}
	if _, err := Anchor(ctx, f, p); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestHalfMadeAnchorIsCompleted(t *testing.T) {
	f, p := newEngine(t), place(t)
	f.Add(engine.Container{Name: "v-anchor", State: "created", Labels: labels("v", RoleAnchor)})
	if _, err := Anchor(t.Context(), f, p); err != nil {
		t.Error(err)
	}
	f.WantCalls("copy v-anchor", "start v-anchor")
}

func TestNewAnchorRemovesOrphans(t *testing.T) {
	f, p := newEngine(t), place(t)
	f.Add(engine.Container{Name: "v-old", State: "exited", PidOf: "gone", Labels: labels("v", RoleProxy)})
	f.Add(engine.Container{Name: "v-older", State: "running", PidOf: "gone", Labels: labels("v", RoleProxy)})
	f.Add(engine.Container{Name: "w-other", State: "exited", PidOf: "gone", Labels: labels("w", RoleProxy)})
	f.Add(engine.Container{Name: "v-sync", State: "running", PidOf: "gone", Labels: labels("v", RoleThrowaway)})
	f.Add(engine.Container{Name: "theirs", State: "exited", PidOf: "gone"})
	if _, err := Anchor(t.Context(), f, p); err != nil {
		t.Fatal(err)
	}
	f.WantCalls("create v-anchor", "remove v-old", "remove v-older", "copy v-anchor", "start v-anchor")
}

// One that came into being after the anchor was created, by another nixproxy, is no orphan.
func TestAnchorKeepsItsOwn(t *testing.T) {
	f, p := newEngine(t), place(t)
	anchor := f.Add(engine.Container{Name: "v-anchor", State: "created", Labels: labels("v", RoleAnchor)})
	f.Add(engine.Container{Name: "v-new", State: "created", PidOf: anchor.ID, Labels: labels("v", RoleProxy)})
	if _, err := Anchor(t.Context(), f, p); err != nil {
		t.Fatal(err)
	}
	f.WantCalls("copy v-anchor", "start v-anchor")
}

func TestForeignContainersAreLeftAlone(t *testing.T) {
	for name, l := range map[string]map[string]string{
		"nobody's": nil, "another volume's": labels("w", RoleAnchor), "of another role": labels("v", RoleProxy),
	} {
		f, p := newEngine(t), place(t)
		f.Add(engine.Container{Name: "v-anchor", State: "exited", Labels: l})
		if _, err := Anchor(t.Context(), f, p); err == nil || !strings.Contains(err.Error(), "v-anchor was not made by nixproxy") {
			t.Errorf("%s: got %v", name, err)
		}
		f.WantCalls()
	}
	f, p, anchor := anchored(t)
	proxy := Proxy{Place: p, Identity: "i"}
	f.Add(engine.Container{Name: proxy.Name(), State: "running"})
	if _, _, err := proxy.Ensure(t.Context(), f, anchor); err == nil || !strings.Contains(err.Error(), "not made by nixproxy") {
		t.Errorf("got %v", err)
	}
	f.Add(engine.Container{Name: "v-sync", State: "exited"})
	if err := Throwaway(t.Context(), f, p, anchor, Job{Out: readAll(nil)}); err == nil || !strings.Contains(err.Error(), "not made by nixproxy") {
		t.Errorf("got %v", err)
	}
	f.WantCalls("create v-sync")
}

func TestProxyIsMadeOnceAndCompleted(t *testing.T) {
	f, p, anchor := anchored(t)
	proxy := Proxy{Place: p, Identity: "i", Nix: "2.26.3", Project: "/p", Mounts: []engine.Mount{{Bind: "/p", Target: "/p"}, {Bind: "/g", Target: "/h", ReadOnly: true}}}
	c, fresh, err := proxy.Ensure(t.Context(), f, anchor)
	if err != nil || !fresh || c.PidOf != anchor.ID {
		t.Fatalf("%+v, fresh %v, %v", c, fresh, err)
	}
	name := proxy.Name()
	f.WantCalls("create "+name, "copy "+name, "start "+name)
	spec := f.Container(name).Spec
	want := []engine.Mount{{Volume: "v", Target: "/nix"}, {Bind: "/p", Target: "/p"}, {Bind: "/g", Target: "/h", ReadOnly: true}}
	if fmt.Sprint(spec.Mounts) != fmt.Sprint(want) || spec.NoNetwork || spec.AutoRemove || spec.Labels[LabelImage] != "i" ||
		spec.Labels[LabelNix] != "2.26.3" || spec.Labels[LabelProject] != "/p" || spec.Labels[LabelSpecification] != proxy.Specification() {
		t.Errorf("it is %+v", spec)
	}
	if again, fresh, err := proxy.Ensure(t.Context(), f, anchor); err != nil || fresh || again.ID != c.ID {
		t.Errorf("once more: %+v, fresh %v, %v", again, fresh, err)
	}
	f.WantCalls()
	setState(f, name, "exited")
	if again, fresh, err := proxy.Ensure(t.Context(), f, anchor); err != nil || fresh || again.ID != c.ID {
		t.Errorf("stopped: %+v, fresh %v, %v", again, fresh, err)
	}
	f.WantCalls("start " + name)
	f.Change(name, func(c *enginetest.Container) { c.State, c.Files = "created", map[string]string{} }) // nixproxy was killed before it copied the agent
	if _, fresh, err := proxy.Ensure(t.Context(), f, anchor); err != nil || !fresh {
		t.Errorf("half made: fresh %v, %v", fresh, err)
	}
	f.WantCalls("copy "+name, "start "+name)
}

func TestProxyOfAnOldAnchorIsReplaced(t *testing.T) {
	f, p, anchor := anchored(t)
	proxy := Proxy{Place: p, Identity: "i"}
	old := f.Add(engine.Container{Name: proxy.Name(), State: "exited", PidOf: "an anchor that is gone", Labels: labels("v", RoleProxy)})
	c, fresh, err := proxy.Ensure(t.Context(), f, anchor)
	if err != nil || !fresh || c.ID == old.ID || c.PidOf != anchor.ID {
		t.Errorf("%+v, fresh %v, %v", c, fresh, err)
	}
	name := proxy.Name()
	f.WantCalls("remove "+name, "create "+name, "copy "+name, "start "+name)
}

// refusing has the engine refuse the first starts of a container that has a
// port, or of any.
func refusing(f *enginetest.Engine, starts int, name string, orAny bool) {
	f.Before = func(call, on string) error {
		if c := f.Container(name); call == "start" && on == name && c != nil && starts > 0 && (orAny || c.Spec.Publish != 0) {
			starts--
			f.Record("refuse " + name)
			return errors.New("port is already allocated")
		}
		return nil
	}
}

func TestProxyWhosePortIsRefused(t *testing.T) {
	f, p, anchor := anchored(t)
	proxy := Proxy{Place: p, Identity: "i", Publish: true}
	name := proxy.Name()
	// Once: the engine chose a port that was just taken.
	refusing(f, 1, name, false)
	c, fresh, err := proxy.Ensure(t.Context(), f, anchor)
	if err != nil || !fresh || !c.Running() || f.Container(name).Spec.Publish != agentapi.Port {
		t.Errorf("%+v, fresh %v, %v", c, fresh, err)
	}
	f.WantCalls("create "+name, "copy "+name, "refuse "+name, "copy "+name, "start "+name)
	// Each time: it is made without one.
	setState(f, name, "exited")
	refusing(f, 100, name, false)
	c, fresh, err = proxy.Ensure(t.Context(), f, anchor)
	if err != nil || !fresh || !c.Running() || f.Container(name).Spec.Publish != 0 {
		t.Errorf("%+v, fresh %v, %v", c, fresh, err)
	}
	f.WantCalls("refuse "+name, "refuse "+name, "remove "+name, "create "+name, "copy "+name, "start "+name)
	if again, _, err := proxy.Ensure(t.Context(), f, anchor); err != nil || again.ID != c.ID {
		t.Errorf("it is not kept: %+v, %v", again, err)
	}
	f.WantCalls()
}

func TestProxyThatIsNotRefusedForItsPort(t *testing.T) {
	f, p, anchor := anchored(t)
	proxy := Proxy{Place: p, Identity: "i", Publish: true}
	name := proxy.Name()
	refusing(f, 100, name, true)
	if _, _, err := proxy.Ensure(t.Context(), f, anchor); err == nil {
		t.Error("it was started")
	}
	f.WantCalls("create "+name, "copy "+name, "refuse "+name, "copy "+name, "refuse "+name, "remove "+name,
		"create "+name, "copy "+name, "refuse "+name, "remove "+name)
	proxy.Publish = false
	if _, _, err := proxy.Ensure(t.Context(), f, anchor); err == nil {
		t.Error("it was started")
	}
	f.WantCalls("create "+name, "copy "+name, "refuse "+name)
}

func TestSpecificationNamesEachDifference(t *testing.T) {
	seen := map[string]string{}
	a, b := engine.Mount{Bind: "/a", Target: "/a"}, engine.Mount{Bind: "/b", Target: "/b"}
	base := Proxy{Place: Place{Volume: "v", Agent: agentbin.Program{Hash: "h"}}, Identity: "i", Mounts: []engine.Mount{a, b}, Safe: []string{"/a"}}
	for name, change := range map[string]func(*Proxy){
		"nothing":        func(*Proxy) {},
		"volume":         func(p *Proxy) { p.Volume = "w" },
		"image":          func(p *Proxy) { p.Identity = "j" },
		"platform":       func(p *Proxy) { p.Platform = "linux/arm64" },
		"mounts":         func(p *Proxy) { p.Mounts = []engine.Mount{a} },
		"mounts' order":  func(p *Proxy) { p.Mounts = []engine.Mount{b, a} },
		"another source": func(p *Proxy) { p.Mounts = []engine.Mount{a, {Bind: "/a", Target: "/b"}} },
		"another target": func(p *Proxy) { p.Mounts = []engine.Mount{a, {Bind: "/b", Target: "/c"}} },
		"read-only":      func(p *Proxy) { p.Mounts = []engine.Mount{a, {Bind: "/b", Target: "/b", ReadOnly: true}} },
		"safe":           func(p *Proxy) { p.Safe = nil },
		"memory":         func(p *Proxy) { p.Limits.Memory = 1 },
		"processors":     func(p *Proxy) { p.Limits.NanoCPUs = 1 },
		"agent":          func(p *Proxy) { p.Agent.Hash = "g" },
		"safe to mounts": func(p *Proxy) { p.Mounts, p.Safe = []engine.Mount{a, b, a}, nil },
	} {
		p := base
		change(&p)
		if other, ok := seen[p.Specification()]; ok {
			t.Errorf("%s and %s give one specification", name, other)
		}
		seen[p.Specification()] = name
		if p.Name() != p.Volume+"-"+p.Specification()[:12] {
			t.Errorf("%s: the name is %s", name, p.Name())
		}
	}
	people := base
	people.Nix, people.Project, people.Image = "2.26.3", "/p", engine.Image{ID: "another id of one image"}
	if people.Specification() != base.Specification() {
		t.Error("what is for people alone changes the specification")
	}
}

func TestGitMayUseTheProject(t *testing.T) {
	if files := (Proxy{}).files(); len(files) != 0 {
		t.Errorf("without a project: %+v", files)
	}
	files := Proxy{Safe: []string{"/p", `/a "b" \c`, "/d\n[e]"}}.files()
	want := "[safe]\n\tdirectory = \"/p\"\n\tdirectory = \"/a \\\"b\\\" \\\\c\"\n\tdirectory = \"/d\\n[e]\"\n"
	if len(files) != 1 || files[0].Path != "/etc/gitconfig" || files[0].Content != want {
		t.Errorf("got %+v, want %q", files, want)
	}
}

func TestWithoutAnAgentNothingIsStarted(t *testing.T) {
	f, p := newEngine(t), place(t)
	p.Agent = agentbin.Program{Arch: "none"}
	if _, err := Anchor(t.Context(), f, p); err == nil || !strings.Contains(err.Error(), "embedded agent") {
		t.Errorf("got %v", err)
	}
	f.WantCalls("create v-anchor")
}

func readAll(into *string) func(io.Reader) error {
	return func(r io.Reader) error {
		content, err := io.ReadAll(r)
		if into != nil {
			*into = string(content)
		}
		return err
	}
}

func TestThrowawayDoesItsJobAndIsGone(t *testing.T) {
	f, p, anchor := anchored(t)
	stdout := strings.Repeat("line\n", 1000)
	f.Program("sync", enginetest.Print(stdout))
	var got string
	if err := Throwaway(t.Context(), f, p, anchor, Job{Mode: []string{"sync", "a", "b"}, Out: readAll(&got)}); err != nil || got != stdout {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	f.WantCalls("create v-sync", "copy v-sync", "attach v-sync", "start v-sync", "remove v-sync")
	if len(f.Names()) != 1 {
		t.Errorf("%d containers are left", len(f.Names()))
	}
}

func TestThrowawayIsGoneWhateverFails(t *testing.T) {
	for _, failing := range []string{"copy", "attach", "start"} {
		f, p, anchor := anchored(t)
		f.Before = func(call, _ string) error {
			if call == failing {
				return errBroken
			}
			return nil
		}
		if err := Throwaway(t.Context(), f, p, anchor, Job{Out: readAll(nil)}); !errors.Is(err, errBroken) || len(f.Names()) != 1 {
			t.Errorf("%s: %v, and %d containers", failing, err, len(f.Names()))
		}
	}
	f, p, anchor := anchored(t)
	f.Program("sync", enginetest.Answer(func(string) (string, string, int) { return "x", "the job's complaint\n", 1 }))
	if err := Throwaway(t.Context(), f, p, anchor, Job{Mode: []string{"sync"}, Out: func(io.Reader) error { return errBroken }}); err == nil || err.Error() != "the job's complaint" || len(f.Names()) != 1 {
		t.Errorf("a job that fails: %v, and %d containers", err, len(f.Names()))
	}
	f.Program("sync", enginetest.Print("x"))
	if err := Throwaway(t.Context(), f, p, anchor, Job{Mode: []string{"sync"}, Out: func(io.Reader) error { return errBroken }}); !errors.Is(err, errBroken) {
		t.Errorf("a job that says nothing: %v", err)
	}
	p.Agent = agentbin.Program{Arch: "none"}
	if err := Throwaway(t.Context(), f, p, anchor, Job{Out: readAll(nil)}); err == nil || len(f.Names()) != 1 {
		t.Errorf("without an agent: %v, and %d containers", err, len(f.Names()))
	}
}

func TestThrowawayIsGoneWhenItsUserGivesUp(t *testing.T) {
	f, p, anchor := anchored(t)
	const start = "endless\n"
	f.Program("sync", func(p *enginetest.Process) int {
		_, _ = io.WriteString(p.Stdout, start)
		<-p.Done()
		return 1
	})
	ctx, cancel := context.WithCancel(t.Context())
	err := Throwaway(ctx, f, p, anchor, Job{Mode: []string{"sync"}, Out: func(r io.Reader) error {
		if _, err := io.ReadFull(r, make([]byte, len(start))); err != nil {
			t.Error(err)
		}
		cancel()
		_, err := io.ReadAll(r)
		return err
	}})
	if !errors.Is(err, context.Canceled) || len(f.Names()) != 1 {
		t.Errorf("%v, and %d containers", err, len(f.Names()))
	}
}

func TestThrowawayIsWaitedForAsLongAsItsUserDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newEngine(t)
		f.Before = func(call, _ string) error {
			if call == "remove" {
				return errors.New("removal is already in progress")
			}
			return nil
		}
		took := func(ctx context.Context) time.Duration {
			c := f.Add(engine.Container{Name: "v-sync", State: "running"})
			removed := time.AfterFunc(time.Minute, func() { f.Vanish(c.ID) })
			defer removed.Stop()
			begin := time.Now()
			discard(ctx, f, c.ID)
			return time.Since(begin)
		}
		if d := took(t.Context()); d != time.Minute {
			t.Errorf("a user who waits waits for %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if d := took(ctx); d != cleanup {
			t.Errorf("a user who has given up waits for %v", d)
		}
	})
}

func TestThrowawayWaitsForTheOther(t *testing.T) {
	t.Run("running", func(t *testing.T) { waitForTheOther(t, false) })
	t.Run("paused", func(t *testing.T) { waitForTheOther(t, true) })
}

func waitForTheOther(t *testing.T, paused bool) {
	t.Helper()
	f, p, anchor := anchored(t)
	state := "running"
	if paused {
		state = "paused"
	}
	other := f.Add(engine.Container{Name: "v-sync", State: state, Created: enginetest.Epoch.Add(-time.Hour), Labels: labels("v", RoleThrowaway)})
	waits := 0
	f.Before = func(call, _ string) error {
		if call == "wait" {
			waits++
			f.Vanish(other.ID) // it ends while it is waited for
		}
		return nil
	}
	told := 0
	job := Job{Out: readAll(nil), Waiting: func() { told += 1 - waits }} // before it waits
	if err := Throwaway(t.Context(), f, p, anchor, job); !errors.Is(err, ErrOccupied) || waits != 1 || told != 1 {
		t.Errorf("%v after %d waits, told of %d times", err, waits, told)
	}
	f.WantCalls("create v-sync") // and nothing of the other's was removed
}

func TestAbandonedThrowawayIsRemovedAfterItsTime(t *testing.T) {
	for _, state := range []string{"created", "exited", "dead"} {
		f, p, anchor := anchored(t)
		f.Add(engine.Container{Name: "v-sync", State: state, Created: enginetest.Epoch.Add(-31 * time.Second), Labels: labels("v", RoleThrowaway)})
		if err := Throwaway(t.Context(), f, p, anchor, Job{Out: readAll(nil)}); !errors.Is(err, ErrOccupied) {
			t.Errorf("%s: %v", state, err)
		}
		f.WantCalls("create v-sync", "remove v-sync")
	}
}

func TestYoungThrowawayIsGivenItsTime(t *testing.T) {
	f, p, anchor := anchored(t)
	f.Add(engine.Container{Name: "v-sync", State: "created", Created: enginetest.Epoch.Add(-29 * time.Second), Labels: labels("v", RoleThrowaway)})
	looks := 0
	f.Before = func(call, _ string) error {
		switch call {
		case "find":
			if looks++; looks == 2 {
				f.Advance(2 * time.Second) // the engine's clock goes on, ours does not matter
			}
		case "remove":
			if looks < 2 {
				t.Error("it was removed at the first look")
			}
		}
		return nil
	}
	if err := Throwaway(t.Context(), f, p, anchor, Job{Out: readAll(nil)}); !errors.Is(err, ErrOccupied) {
		t.Error(err)
	}
	f.WantCalls("create v-sync", "remove v-sync")
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	f, p, anchor := anchored(t)
	f.Add(engine.Container{Name: "v-sync", State: "created", Created: enginetest.Epoch, Labels: labels("v", RoleThrowaway)})
	ctx, cancel := context.WithCancel(t.Context())
	f.Before = func(call, _ string) error {
		if call == "now" {
			defer cancel()
		}
		return nil
	}
	if err := Throwaway(ctx, f, p, anchor, Job{Out: readAll(nil)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	f.WantCalls("create v-sync")
}

func TestSixteenMakeOne(t *testing.T) {
	f, p := newEngine(t), place(t)
	// All have looked before the first one creates.
	var looked, all sync.WaitGroup
	looked.Add(16)
	first := make(chan struct{}, 16)
	for range 16 {
		first <- struct{}{}
	}
	f.Before = func(call, _ string) error {
		if call == "create" {
			select {
			case <-first:
				looked.Done()
				looked.Wait()
			default:
			}
		}
		return nil
	}
	ids := make(chan string, 16)
	for range 16 {
		all.Go(func() {
			c, err := findOrCreate(t.Context(), f, engine.Specification{Name: "v-anchor", Image: p.Image.ID})
			if err != nil {
				t.Error(err)
			}
			ids <- c.ID
		})
	}
	all.Wait()
	close(ids)
	for id := range ids {
		if id != f.Container("v-anchor").ID {
			t.Errorf("one got %q, another %q", id, f.Container("v-anchor").ID)
		}
	}
	if len(f.Names()) != 1 {
		t.Errorf("%d containers were made", len(f.Names()))
	}
}

func TestList(t *testing.T) {
	f := newEngine(t)
	f.Add(engine.Container{Name: "v-anchor", Labels: labels("v", RoleAnchor)})
	f.Add(engine.Container{Name: "w-anchor", Labels: labels("w", RoleAnchor)})
	f.Add(engine.Container{Name: "theirs", Labels: map[string]string{"x": "y"}})
	for volume, want := range map[string]int{"": 2, "v": 1, "none": 0} {
		if list, err := List(t.Context(), f, volume); err != nil || len(list) != want {
			t.Errorf("%q: %d, %v", volume, len(list), err)
		}
	}
}

// What a link below a moved mount is called on the host the agent cannot know.
func TestAgentIsToldOfMovedMounts(t *testing.T) {
	p := Proxy{Place: place(t), Identity: "i", Mounts: []engine.Mount{{Bind: "/p", Target: "/p"}, {Bind: "/data", Target: "/in"}}}
	if got := p.specification(engine.Container{}).Entrypoint; !slices.Equal(got, []string{agentapi.Binary, "serve", "i", p.Specification(), "/in"}) {
		t.Errorf("%q", got)
	}
}
