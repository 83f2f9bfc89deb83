package volume

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin/agentbintest"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/hint"
)

var ours = Volume{Name: "v", Flavour: "nix", Platform: "linux/amd64"}

// opened is an engine with our volume, whose anchor runs, and a handle on it.
func opened(t *testing.T) (*enginetest.Engine, Handle) {
	t.Helper()
	e := enginetest.New(t)
	e.AddVolume("v", ours.labels())
	e.AddImage(engine.Image{ID: "image"}, "image:1")
	agent, err := agentbintest.Agents().For("amd64")
	if err != nil {
		t.Fatal(err)
	}
	anchor := e.Add(engine.Container{Name: "v-anchor", State: "running"})
	place := container.Place{Volume: "v", Image: engine.Image{ID: "image"}, Agent: agent}
	return e, Handle{Volume: ours, Engine: e, Place: place, Anchor: anchor}
}

// answers has the anchor's agent answer what is in the volume, one after the other.
func answers(e *enginetest.Engine, all ...string) {
	var programs []enginetest.Program
	for _, a := range all {
		programs = append(programs, enginetest.Print(a))
	}
	e.Program(agentapi.ModePrepare, enginetest.InTurn(append(programs, enginetest.Refuse("it holds /nix/store and no layout of nixproxy's"))...))
}

func TestName(t *testing.T) {
	for want, got := range map[string]string{
		"nixproxy-linux-arm64":     Name("nix", "linux", "arm64"),
		"nixproxy-lix-linux-amd64": Name("lix", "linux", "amd64"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEnsureMakesTheVolumeOnce(t *testing.T) {
	e := enginetest.New(t)
	for range 2 {
		if err := ours.Ensure(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{container.LabelVolume: "v", LabelLayout: agentapi.Layout, LabelFlavour: "nix", LabelPlatform: "linux/amd64"}
	found, err := e.Volumes(t.Context())
	if err != nil || len(found) != 1 || !maps.Equal(found[0].Labels, want) {
		t.Errorf("there are %v, %v", found, err)
	}
}

func TestEnsureRefusesOtherVolumes(t *testing.T) {
	good := map[string]string{container.LabelVolume: "v", LabelLayout: agentapi.Layout, LabelFlavour: "nix", LabelPlatform: "linux/amd64"}
	ensure := func(labels map[string]string) error {
		e := enginetest.New(t)
		e.AddVolume("v", labels)
		return ours.Ensure(t.Context(), e)
	}
	for _, test := range []struct{ label, value, says string }{
		{LabelLayout, "99", "volume v has layout 99, and " + agentapi.Layout + " is needed here"},
		{LabelFlavour, "lix", "volume v has flavour lix, and nix is needed here"},
		{LabelPlatform, "linux/arm64", "volume v has platform linux/arm64, and linux/amd64 is needed here"},
		{LabelPlatform, "", "volume v has platform"},
	} {
		labels := maps.Clone(good)
		labels[test.label] = test.value
		err := ensure(labels)
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(hint.Text(err), "--volume") {
			t.Errorf("%s=%s: got %v", test.label, test.value, err)
		}
	}
	for _, labels := range []map[string]string{{}, {"com.docker.compose.project": "x"}} {
		if err := ensure(labels); err == nil || !strings.Contains(err.Error(), "not made by nixproxy") {
			t.Errorf("%v: got %v", labels, err)
		}
	}
}

func TestFind(t *testing.T) {
	e := enginetest.New(t)
	if _, err := Find(t.Context(), e, "v"); err == nil || !strings.Contains(err.Error(), "there is no volume v yet") {
		t.Errorf("none: %v", err)
	}
	e.AddVolume("v", ours.labels())
	e.AddVolume("w", map[string]string{"a": "b"})
	if found, err := Find(t.Context(), e, "v"); err != nil || found != ours {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := Find(t.Context(), e, "w"); err == nil || !strings.Contains(err.Error(), "not made by nixproxy") {
		t.Errorf("not ours: %v", err)
	}
	broken := errors.New("the engine is broken")
	e.Fail("find-volume", broken)
	if _, err := Find(t.Context(), e, "v"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	e.WantCalls()
}

func TestPrepareTellsWhatIsThere(t *testing.T) {
	e, h := opened(t)
	answers(e, `{"stamps":[{"identity":"a","version":"nix (Nix) 2.26.3"}]}`, "no JSON")
	p, err := h.Prepare(t.Context())
	if err != nil || len(p.Stamps) != 1 || p.Stamps[0].Version != "nix (Nix) 2.26.3" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := h.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "reading what volume v holds") {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := h.Prepare(t.Context()); err == nil || err.Error() != "volume v cannot be used: it holds /nix/store and no layout of nixproxy's" {
		t.Errorf("refused: %v", err)
	}
	e.WantCalls("exec v-anchor prepare", "exec v-anchor prepare", "exec v-anchor prepare")
	answers(e, `{}`)
	if _, err := h.Contents(t.Context()); err != nil {
		t.Error(err)
	}
	e.WantCalls("exec v-anchor prepare " + agentapi.ReadOnly)
	e.Change("v-anchor", func(c *enginetest.Container) { c.State = "exited" })
	_, err = h.Prepare(t.Context())
	if unusable := (*UnusableError)(nil); err == nil || errors.As(err, &unusable) {
		t.Errorf("an anchor that has ended is the volume's fault: %v", err)
	}
}

// An anchor that an earlier nixproxy made knows fewer modes. It gets the present
// agent, and is asked once more.
func TestAnOldAnchorGetsThePresentAgent(t *testing.T) {
	for name, use := range map[string]func(Handle) error{
		"a query": func(h Handle) error { _, err := h.Inspect(t.Context()); return err },
		"a stream": func(h Handle) error {
			_, err := h.Verify(t.Context(), false, new(told))
			return err
		},
	} {
		e, h := opened(t)
		e.Before = func(call, _ string) error {
			if call == "copy" { // from now on it knows them
				e.Program(agentapi.ModeInspect, enginetest.Print(`{}`))
				e.Program(agentapi.ModeVerify, enginetest.Print(`{"result":{}}`+"\n"))
			}
			return nil
		}
		if err := use(h); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if calls := e.Calls(); len(calls) != 3 || calls[1] != "copy v-anchor" || calls[0] != calls[2] || !strings.HasPrefix(calls[0], "exec v-anchor ") {
			t.Errorf("%s: the calls were %q", name, calls)
		}
		if program := e.Container("v-anchor").Files[agentapi.Binary]; program != "the agent for amd64" {
			t.Errorf("%s: the anchor's agent is %q", name, program)
		}
		e, h = opened(t)
		if err := use(h); err == nil || !strings.Contains(err.Error(), "there is no mode") || len(e.Calls()) != 3 {
			t.Errorf("%s: one that does not know it then either: %v after %q", name, err, e.Calls())
		}
		e, h = opened(t)
		broken := errors.New("the engine is broken")
		e.Fail("copy", broken)
		if err := use(h); !errors.Is(err, broken) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// told is a Progress that notes what it is told.
type told []string

func (p *told) Set(done, total int64) { *p = append(*p, fmt.Sprint(done, "/", total)) }
func (p *told) End(err error)         { *p = append(*p, fmt.Sprint("end ", err)) }

func TestSyncOfAStampedImageAsksOnce(t *testing.T) {
	e, h := opened(t)
	answers(e, `{"stamps":[{"identity":"b"},{"identity":"a","nix":"/nix/store/n"}]}`)
	stamp, err := h.Sync(t.Context(), "a", "ref", func() Progress {
		t.Error("there was nothing to do")
		return new(told)
	})
	if err != nil || stamp.Nix != "/nix/store/n" {
		t.Errorf("%+v, %v", stamp, err)
	}
	e.WantCalls("exec v-anchor prepare")
}

func TestSyncCopiesInTheThrowawayContainer(t *testing.T) {
	e, h := opened(t)
	answers(e, `{"stamps":[]}`)
	e.Program(agentapi.ModeSync, func(p *enginetest.Process) int {
		if !slices.Equal(p.Args, []string{"a", "ref"}) {
			t.Errorf("the job is %q", p.Args)
		}
		return enginetest.Print(`{"done":1,"total":2}` + "\n" + `{"result":{"stamp":{"identity":"a","nix":"/nix/store/n"}}}` + "\n")(p)
	})
	var p told
	stamp, err := h.Sync(t.Context(), "a", "ref", func() Progress { return &p })
	if err != nil || stamp.Nix != "/nix/store/n" || !slices.Equal(p, told{"1/2", "end <nil>"}) {
		t.Errorf("%+v, %v, told %q", stamp, err, p)
	}
	e.WantCalls("exec v-anchor prepare", "create v-sync", "copy v-sync", "attach v-sync", "start v-sync", "remove v-sync")
}

// Whoever had to wait for another's job looks again before working.
func TestSyncLooksAgainAfterAnother(t *testing.T) {
	e, h := opened(t)
	answers(e, `{"stamps":[]}`, `{"stamps":[{"identity":"other"}]}`, `{"stamps":[{"identity":"a","nix":"/nix/store/n"}]}`)
	taken := enginetest.Conflict("the name is taken")
	e.Fail("create", taken, taken)
	stamp, err := h.Sync(t.Context(), "a", "ref", func() Progress { return new(told) })
	if err != nil || stamp.Nix != "/nix/store/n" {
		t.Errorf("%+v, %v", stamp, err)
	}
	e.WantCalls("exec v-anchor prepare", "exec v-anchor prepare", "exec v-anchor prepare")
}

func TestSyncTellsWhatFailed(t *testing.T) {
	e, h := opened(t)
	answers(e, `{"stamps":[]}`)
	e.Fail("create", errors.New("no space left"))
	var p told
	_, err := h.Sync(t.Context(), "a", "ref", func() Progress { return &p })
	if err == nil || err.Error() != "syncing image ref into volume v: no space left" || !slices.Equal(p, told{"end no space left"}) {
		t.Errorf("%v, told %q", err, p)
	}
	if _, err := h.Sync(t.Context(), "a", "ref", nil); err == nil || !strings.HasPrefix(err.Error(), "volume v cannot be used") {
		t.Errorf("a foreign volume: %v", err)
	}
	answers(e, `{"stamps":[{"identity":"a"}],"damage":"its agents' host key is damaged (why)"}`)
	_, err = h.Sync(t.Context(), "a", "ref", nil)
	var unusable *UnusableError
	if !errors.As(err, &unusable) || err.Error() != "volume v cannot be used: its agents' host key is damaged (why)" || hint.Of(err) != "`nixproxy volume verify --repair` repairs it" {
		t.Errorf("a damaged one: %v", err)
	}
}

// A Nix that has to be alone with the database says who else is there.
func TestSyncOfADatabaseInUse(t *testing.T) {
	e, h := opened(t)
	answers(e, `{"stamps":[]}`, `{"stamps":[]}`)
	e.Program(agentapi.ModeSync, enginetest.InTurn(
		enginetest.Print(`{"result":{"held":[{"pid":7,"command":"nix build","dir":"/p"},{"pid":8,"command":"nix gc","dir":"/"}]}}`+"\n"),
		enginetest.Print(`{"result":{}}`+"\n")))
	begin := func() Progress { return new(told) }
	_, err := h.Sync(t.Context(), "a", "ref", begin)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || !strings.HasSuffix(err.Error(), "in use by `nix build` in /p (process 7) and `nix gc` in / (process 8)") {
		t.Fatalf("got %v", err)
	}
	e.Program(agentapi.ModeHolders, enginetest.InTurn(enginetest.Print(`[{"pid":8}]`), enginetest.Print(`[]`)))
	if !held.Held(t.Context()) || held.Held(t.Context()) {
		t.Error("who has it open is not asked")
	}
	e.Vanish("v-anchor")
	if held.Held(t.Context()) {
		t.Error("a volume without an anchor is in use")
	}
	e, h = opened(t)
	answers(e, `{"stamps":[]}`)
	e.Program(agentapi.ModeSync, enginetest.Print(`{"result":{}}`+"\n"))
	if _, err := h.Sync(t.Context(), "a", "ref", begin); err == nil || !strings.HasSuffix(err.Error(), "in use by other processes") {
		t.Errorf("nobody known: %v", err)
	}
}
