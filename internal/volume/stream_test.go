package volume

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/nixstore/storetest"
	"github.com/nixproxy/nixproxy/internal/volume/volumetest"
)

// stored is opened with a store in the volume, and one beside it that has two paths.
func stored(t *testing.T) (*enginetest.Engine, Handle, *volumetest.Store, storetest.Store, []nixstore.Info) {
	t.Helper()
	e, h := opened(t)
	inside, outside := &volumetest.Store{Store: storetest.Store{Dir: t.TempDir()}}, storetest.Store{Dir: t.TempDir()}
	inside.AddTo(e)
	a, err1 := outside.Add("a", "content")
	b, err2 := outside.Add("b", "content", "a")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return e, h, inside, outside, []nixstore.Info{a, b}
}

func pathsOf(infos []nixstore.Info) (all []nixstore.Path) {
	for _, i := range infos {
		all = append(all, i.Path)
	}
	return all
}

// sender sends from a store.
func sender(s storetest.Store) Sender {
	return func(to io.Writer, paths []nixstore.Path) error {
		for _, p := range paths {
			i, _ := s.Info(p)
			nar, err := s.Archive(p)
			if err := errors.Join(err, json.NewEncoder(to).Encode(i)); err != nil {
				return err
			}
			if _, err := to.Write(nar); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestReceiveTakesWhatIsMissing(t *testing.T) {
	e, h, inside, outside, infos := stored(t)
	all := pathsOf(infos)
	if missing, err := h.Missing(t.Context(), all); err != nil || !slices.Equal(missing, all) {
		t.Errorf("missing %q, %v", missing, err)
	}
	for range 2 {
		sent := 0
		count := func(to io.Writer, paths []nixstore.Path) error {
			sent = len(paths)
			return sender(outside)(to, paths)
		}
		left := len(inside.Missing(all))
		if err := h.Receive(t.Context(), agentapi.Request{Closure: all, Roots: all[1:]}, count, nil); err != nil || sent != left {
			t.Errorf("%d of %d paths were sent, %v", sent, left, err)
		}
	}
	if missing, err := h.Missing(t.Context(), all); err != nil || len(missing) != 0 {
		t.Errorf("missing %q, %v", missing, err)
	}
	if len(inside.Received) != 2 || !slices.Equal(inside.Received[0].Roots, all[1:]) {
		t.Errorf("requested %+v", inside.Received)
	}
	e.WantCalls("exec v-anchor "+agentapi.ModeMissing, "exec v-anchor receive", "exec v-anchor receive", "exec v-anchor "+agentapi.ModeMissing)
}

func TestReceiveTellsWhoseFaultItWas(t *testing.T) {
	e, h, _, outside, infos := stored(t)
	request := agentapi.Request{Closure: pathsOf(infos)}
	own := errors.New("a file cannot be read")
	err := h.Receive(t.Context(), request, func(io.Writer, []nixstore.Path) error { return own }, nil)
	if !errors.Is(err, own) {
		t.Errorf("the host's: %v", err)
	}
	// What failed inside counts, not that nobody read what was sent.
	err = h.Receive(t.Context(), request, func(to io.Writer, paths []nixstore.Path) error {
		return sender(outside)(to, []nixstore.Path{paths[1], paths[0]})
	}, nil)
	if err == nil || !strings.Contains(err.Error(), "came before") {
		t.Errorf("the agent's: %v", err)
	}
	e.Program(agentapi.ModeReceive, enginetest.Refuse("no space left"))
	if err := h.Receive(t.Context(), request, sender(outside), nil); err == nil || err.Error() != "no space left" {
		t.Errorf("at once: %v", err)
	}
	e.Program(agentapi.ModeReceive, enginetest.Print(`{"wait":true}`))
	waited := 0
	if err := h.Receive(t.Context(), request, sender(outside), func() { waited++ }); !errors.Is(err, io.EOF) || waited != 1 {
		t.Errorf("no answer: %v after %d", err, waited)
	}
	e.Change("v-anchor", func(c *enginetest.Container) { c.State = "exited" })
	if err := h.Receive(t.Context(), request, sender(outside), nil); !engine.IsConflict(err) {
		t.Errorf("no anchor: %v", err)
	}
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	e, h, _, _, infos := stored(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	e.Program(agentapi.ModeReceive, func(p *enginetest.Process) int {
		fmt.Fprint(p.Stdout, `{"wait":true}`)
		_, _ = io.Copy(io.Discard, p.Stdin) // until its client lets go
		close(ended)
		return 0
	})
	err := h.Receive(ctx, agentapi.Request{Closure: pathsOf(infos)}, nil, cancel)
	if err == nil {
		t.Error("it went on")
	}
	<-ended
}

func TestExportAndImport(t *testing.T) {
	_, h, inside, outside, infos := stored(t)
	all := pathsOf(infos)
	if err := h.Receive(t.Context(), agentapi.Request{Closure: all}, sender(outside), nil); err != nil {
		t.Fatal(err)
	}
	inside.Roots = all[1:]
	var file bytes.Buffer
	var p told
	err := h.Export(t.Context(), nil, "1.0", &file, func(c agentapi.Manifest) Progress {
		if !slices.Equal(pathsOf(c.Paths), all) {
			t.Errorf("it is of %q", pathsOf(c.Paths))
		}
		return &p
	})
	if err != nil || p[len(p)-1] != "end <nil>" {
		t.Fatalf("%v, told %q", err, p)
	}
	open := func() *archive.Reader {
		r, err := archive.Open(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	r := open()
	if r.Nixproxy != "1.0" || r.Flavour != "nix" || r.Platform != "linux/amd64" || !slices.Equal(r.Roots, all[1:]) {
		t.Errorf("the manifest is %+v", r.Manifest)
	}
	if err := ours.Takes(r.Manifest); err != nil {
		t.Error(err)
	}
	if err := (Volume{Name: "w", Flavour: "lix", Platform: "linux/amd64"}).Takes(r.Manifest); err == nil || !strings.Contains(err.Error(), "volume w is for lix") {
		t.Errorf("another flavour: %v", err)
	}
	_, h, inside, _, _ = stored(t)
	begun := 0
	begin := func(missing agentapi.Manifest) Progress { begun = len(missing.Paths); return new(told) }
	if err := h.Import(t.Context(), r, begin, nil); err != nil || begun != 2 || len(inside.Missing(all)) != 0 {
		t.Errorf("%d paths were to be copied, %v", begun, err)
	}
	if err := h.Import(t.Context(), open(), begin, nil); err != nil || begun != 0 {
		t.Errorf("%d paths were to be copied again, %v", begun, err)
	}
}

func TestExportTellsWhatTheAgentSays(t *testing.T) {
	e, h, inside, _, infos := stored(t)
	begin := func(agentapi.Manifest) Progress { return new(told) }
	if err := h.Export(t.Context(), pathsOf(infos), "1.0", io.Discard, begin); err == nil || !strings.Contains(err.Error(), "is not in the volume") {
		t.Errorf("absent: %v", err)
	}
	if err := inside.Register(infos[0], []byte("cut")); err != nil {
		t.Fatal(err)
	}
	if err := h.Export(t.Context(), pathsOf(infos[:1]), "1.0", io.Discard, begin); err == nil {
		t.Error("what is no archive was exported")
	}
	e.Program(agentapi.ModeExport, enginetest.Print("no JSON\n"))
	if err := h.Export(t.Context(), nil, "1.0", io.Discard, begin); err == nil {
		t.Error("no manifest")
	}
	manifest, err := json.Marshal(agentapi.Manifest{Paths: infos[:1]})
	if err != nil {
		t.Fatal(err)
	}
	e.Program(agentapi.ModeExport, func(p *enginetest.Process) int {
		fmt.Fprintf(p.Stdout, "%s\n", manifest)
		return enginetest.Refuse("the path cannot be read")(p)
	})
	if err := h.Export(t.Context(), nil, "1.0", io.Discard, begin); err == nil || err.Error() != "the path cannot be read" {
		t.Errorf("an early end: %v", err)
	}
}

// gcProgram asks for the states of links, and writes them as it got them.
func gcProgram(t *testing.T, asked []string, then func(p *enginetest.Process, plan agentapi.GCPlan, states map[string]agentapi.LinkState) int) enginetest.Program {
	return func(p *enginetest.Process) int {
		var plan agentapi.GCPlan
		if err := json.Unmarshal([]byte(p.Args[0]), &plan); err != nil {
			t.Error(err)
		}
		states := map[string]agentapi.LinkState{}
		if err := agentapi.NewTeller(p.Stdout).Ask(p, p.Stdin, asked, &states); err != nil {
			t.Error(err)
		}
		return then(p, plan, states)
	}
}

func seen(link string) agentapi.LinkState { return agentapi.LinkState("state of " + link) }

func TestGCAsksAboutLinks(t *testing.T) {
	e, h := opened(t)
	e.Program(agentapi.ModeGC, gcProgram(t, []string{"/a", "/b"}, func(p *enginetest.Process, plan agentapi.GCPlan, states map[string]agentapi.LinkState) int {
		if plan.KeepImages != 2 || plan.UntilEOF || len(states) != 2 || states["/a"] != "state of /a" || states["/b"] != "state of /b" {
			t.Errorf("plan %+v, told %v", plan, states)
		}
		return enginetest.Print(`{"done":3,"total":4}` + "\n" + `{"result":{"freedSize":7}}` + "\n")(p)
	}))
	var p told
	result, err := h.GC(t.Context(), agentapi.GCPlan{KeepImages: 2}, seen, func() Progress { return &p })
	if err != nil || result.FreedSize != 7 || !slices.Equal(p, told{"3/4", "end <nil>"}) {
		t.Errorf("%+v, %v, told %q", result, err, p)
	}
	e.WantCalls("create v-sync", "copy v-sync", "attach v-sync", "start v-sync", "remove v-sync")
}

// A collection waits for its turn: no other job can have done it.
func TestGCWaitsForAnotherJob(t *testing.T) {
	e, h := opened(t)
	e.Fail("create", enginetest.Conflict("the name is taken"), enginetest.Conflict("the name is taken"))
	waited := 0
	h.Waiting = func() { waited++ }
	e.Program(agentapi.ModeGC, enginetest.Print(`{"result":{}}`+"\n"))
	if _, err := h.GC(t.Context(), agentapi.GCPlan{}, seen, func() Progress { return new(told) }); err != nil || waited != 1 {
		t.Errorf("%v, told %d times", err, waited)
	}
}

// A new container takes space, which is just what is missing.
func TestGCOnAFullDiskUsesAProxyContainerThatRuns(t *testing.T) {
	full := errors.New("no space left on device")
	begin := func() Progress { return new(told) }
	e, h := opened(t)
	e.Fail("create", full)
	if _, err := h.GC(t.Context(), agentapi.GCPlan{}, seen, begin); !errors.Is(err, full) {
		t.Errorf("no proxy container: %v", err)
	}
	labels := map[string]string{container.LabelVolume: "v", container.LabelRole: string(container.RoleProxy)}
	e.Add(engine.Container{Name: "stopped", State: "exited", Labels: labels})
	e.Add(engine.Container{Name: "running", State: "running", Labels: labels})
	e.Program(agentapi.ModeGC, gcProgram(t, []string{"/a"}, func(p *enginetest.Process, plan agentapi.GCPlan, states map[string]agentapi.LinkState) int {
		if !plan.UntilEOF || states["/a"] != "state of /a" || p.Container.Name != "running" {
			t.Errorf("in %s: plan %+v, told %v", p.Container.Name, plan, states)
		}
		return enginetest.Print(`{"result":{"freedSize":7}}` + "\n")(p)
	}))
	e.Fail("create", full, full)
	if result, err := h.GC(t.Context(), agentapi.GCPlan{}, seen, begin); err != nil || result.FreedSize != 7 {
		t.Errorf("%+v, %v", result, err)
	}
	e.Program(agentapi.ModeGC, enginetest.Refuse("its database is broken"))
	if _, err := h.GC(t.Context(), agentapi.GCPlan{}, seen, begin); err == nil || !strings.HasSuffix(err.Error(), ": its database is broken") {
		t.Errorf("got %v", err)
	}
}

func TestVerifyAndRepair(t *testing.T) {
	e, h := opened(t)
	e.Program(agentapi.ModeVerify, func(p *enginetest.Process) int {
		var repair bool
		if err := json.NewDecoder(p.Stdin).Decode(&repair); err != nil || !repair {
			t.Errorf("repair %v, %v", repair, err)
		}
		return enginetest.Print(`{"done":1}` + "\n" + `{"result":{"broken":[{"path":"/nix/store/a"},{"path":"/nix/store/b"}]}}` + "\n")(p)
	})
	var p told
	found, err := h.Verify(t.Context(), true, &p)
	if err != nil || len(found.Broken) != 2 || !slices.Equal(p, told{"1/0"}) {
		t.Fatalf("%+v, %v, told %q", found, err, p)
	}
	e.AddImage(engine.Image{ID: "other"}, "other:1")
	e.Program(agentapi.ModeRepair, func(p *enginetest.Process) int {
		var left []agentapi.BrokenPath
		if err := json.NewDecoder(p.Stdin).Decode(&left); err != nil || len(left) != 1 || left[0].Path != "/nix/store/b" || p.Container.Image != "other" {
			t.Errorf("in %s: %+v, %v", p.Container.Image, left, err)
		}
		return enginetest.Print(`{"result":["/nix/store/b"]}` + "\n")(p)
	})
	found.Broken[0].Repaired, found.Broken[0].RepairedFrom = true, "first:1"
	from := image.Image{Image: engine.Image{ID: "other"}, Reference: "other:1"}
	if err := h.Repair(t.Context(), from, found.Broken, new(told)); err != nil {
		t.Fatal(err)
	}
	if a, b := found.Broken[0], found.Broken[1]; a.RepairedFrom != "first:1" || !b.Repaired || b.RepairedFrom != "other:1" {
		t.Errorf("%+v", found.Broken)
	}
	e.Program(agentapi.ModeVerify, enginetest.Print(`{"done":1}`+"\n"))
	if _, err := h.Verify(t.Context(), false, new(told)); !errors.Is(err, agentapi.ErrUnfinished) {
		t.Errorf("an early end: %v", err)
	}
}
