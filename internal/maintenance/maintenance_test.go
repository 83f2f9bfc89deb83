package maintenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin/agentbintest"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/proxy/proxytest"
	"github.com/nixproxy/nixproxy/internal/volume"
	"github.com/nixproxy/nixproxy/internal/volume/volumetest"
)

func in(w *proxytest.World) *proxy.Proxy {
	return &proxy.Proxy{
		Settings: w.Settings, Terminal: w.Terminal, State: w.State, Agents: agentbintest.Agents(),
		Host:      proxy.Host{System: "linux", Dir: w.Dir, Home: w.Home},
		NewEngine: func(engine.Endpoint, string) (proxy.Engine, error) { return w.Engine, nil },
	}
}

// job is a mode of the agent that does something and ends with a result.
func job(do func(*enginetest.Process) (any, error)) enginetest.Program {
	return func(p *enginetest.Process) int {
		result, err := do(p)
		if err == nil {
			err = volumetest.Result(p.Stdout, result)
		}
		if err != nil {
			fmt.Fprint(p.Stderr, err)
			return 1
		}
		return 0
	}
}

// collection is a garbage collection that asks for links, and notes what it got.
func collection(plan *agentapi.GCPlan, links []string, states *map[string]agentapi.LinkState, result agentapi.GCResult) enginetest.Program {
	return job(func(p *enginetest.Process) (any, error) {
		if err := json.Unmarshal([]byte(p.Args[0]), plan); err != nil {
			return nil, err
		}
		tell := agentapi.NewTeller(p.Stdout)
		tell.Progress(1, 2)
		if err := tell.Ask(p, p.Stdin, links, states); err != nil {
			return nil, err
		}
		return result, nil
	})
}

func TestGCTellsTheStatesOfLinks(t *testing.T) {
	w := proxytest.New(t)
	w.AddVolume(proxytest.Stamp())
	if err := os.WriteFile(filepath.Join(w.Dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Link(t, "result", "/nix/store/x")
	there, gone, away := filepath.Join(w.Dir, "result"), filepath.Join(w.Dir, "gone"), filepath.Join(w.Dir, "no", "directory")
	var plan agentapi.GCPlan
	var states map[string]agentapi.LinkState
	result := agentapi.GCResult{SizeBefore: 10, SizeAfter: 4, FreedSize: 6, FreedPaths: 1}
	w.Program(agentapi.ModeGC, collection(&plan, []string{there, gone, away}, &states, result))
	got, name, err := GC(t.Context(), in(w), agentapi.GCPlan{KeepImages: 3, ForgetDirs: []string{"sub/../old", "/elsewhere"}})
	if err != nil || name != proxytest.Volume || !reflect.DeepEqual(got, result) {
		t.Errorf("%+v in %s, %v\n%s", got, name, err, w.Shown())
	}
	want := map[string]agentapi.LinkState{there: agentapi.LinkThere, gone: agentapi.LinkGone, away: agentapi.LinkAway}
	if !reflect.DeepEqual(states, want) {
		t.Errorf("it was told %v", states)
	}
	key, err := w.State.ClientKey()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Host != agentapi.HostName(key.PublicKey().Marshal()) || plan.KeepImages != 3 || plan.UntilEOF ||
		!slices.Equal(plan.ForgetDirs, []string{filepath.Join(w.Dir, "old"), "/elsewhere"}) {
		t.Errorf("the plan was %+v", plan)
	}
	s := w.Container(proxytest.Throwaway)
	if s != nil {
		t.Error("the throwaway container is left")
	}
	if !strings.Contains(w.Shown(), "collecting garbage in volume "+proxytest.Volume) {
		t.Errorf("shown: %s", w.Shown())
	}
	w.WantCalls("create "+proxytest.Anchor, "copy "+proxytest.Anchor, "start "+proxytest.Anchor, "exec "+proxytest.Anchor+" prepare",
		"create "+proxytest.Throwaway, "copy "+proxytest.Throwaway, "attach "+proxytest.Throwaway, "start "+proxytest.Throwaway, "remove "+proxytest.Throwaway)
}

func TestGCOnAMacSaysHowTheDiskGetsItsSpaceBack(t *testing.T) {
	for name, test := range map[string]struct {
		system string
		freed  int64
		dry    bool
		said   bool
	}{
		"freed on a Mac": {"darwin", 1, false, true},
		"nothing freed":  {"darwin", 0, false, false},
		"a dry run":      {"darwin", 1, true, false},
		"on Linux":       {"linux", 1, false, false},
	} {
		w := proxytest.New(t)
		w.AddVolume(proxytest.Stamp())
		w.Product = engine.Colima
		var plan agentapi.GCPlan
		var states map[string]agentapi.LinkState
		w.Program(agentapi.ModeGC, collection(&plan, nil, &states, agentapi.GCResult{FreedSize: test.freed, DryRun: test.dry}))
		p := in(w)
		p.Host.System = test.system
		if _, _, err := GC(t.Context(), p, agentapi.GCPlan{DryRun: test.dry}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if said := strings.Contains(w.Shown(), "fstrim"); said != test.said {
			t.Errorf("%s: shown %s", name, w.Shown())
		}
		if dry := strings.Contains(w.Shown(), "looking for garbage"); dry != test.dry || plan.DryRun != test.dry {
			t.Errorf("%s: the plan was %+v", name, plan)
		}
	}
}

func TestGCThatFails(t *testing.T) {
	w := proxytest.New(t)
	if _, _, err := GC(t.Context(), in(w), agentapi.GCPlan{}); err == nil || !strings.Contains(err.Error(), "there is no volume") {
		t.Errorf("no volume: %v", err)
	}
	w.AddVolume(proxytest.Stamp())
	w.Program(agentapi.ModeGC, enginetest.Refuse("its database is broken"))
	if _, _, err := GC(t.Context(), in(w), agentapi.GCPlan{}); err == nil || err.Error() != "collecting garbage in volume "+proxytest.Volume+": its database is broken" {
		t.Errorf("got %v", err)
	}
}

func TestInspect(t *testing.T) {
	w := proxytest.New(t)
	if _, _, err := Inspect(t.Context(), in(w)); err == nil || !strings.Contains(err.Error(), "there is no volume") {
		t.Errorf("no volume: %v", err)
	}
	w.AddVolume(proxytest.Stamp())
	want := agentapi.Inspection{Store: agentapi.Amount{Paths: 3, Size: 4}, InvalidPaths: 1}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	w.Program(agentapi.ModeInspect, enginetest.Print(string(text)))
	v, found, err := Inspect(t.Context(), in(w))
	if err != nil || !reflect.DeepEqual(found, want) || v != (volume.Volume{Name: proxytest.Volume, Flavour: "nix", Platform: "linux/amd64"}) {
		t.Errorf("%+v of %+v, %v", found, v, err)
	}
	w.Program(agentapi.ModeInspect, enginetest.Refuse("its database is broken"))
	if _, _, err := Inspect(t.Context(), in(w)); err == nil || !strings.Contains(err.Error(), "volume "+proxytest.Volume+" cannot be used: its database is broken") {
		t.Errorf("got %v", err)
	}
}

// addOthers puts two more images on the engine, and returns the second.
func addOthers(w *proxytest.World) (second engine.Image) {
	first := engine.Image{ID: "sha256:2", OS: "linux", Arch: "amd64", Layers: []string{"first"}}
	second = engine.Image{ID: "sha256:3", OS: "linux", Arch: "amd64", Layers: []string{"second"}}
	w.AddImage(first, "nixos/nix:2.8.0")
	w.AddImage(second, "nixos/nix:2.9.0")
	return second
}

func TestVerifyWithoutRepairChangesNothing(t *testing.T) {
	w := proxytest.New(t)
	w.AddVolume(proxytest.Stamp())
	w.AddAnchor("running")
	addOthers(w)
	found := agentapi.Verification{Broken: []agentapi.BrokenPath{{Path: "/nix/store/x", Problem: "changed"}}}
	w.Program(agentapi.ModeVerify, job(func(p *enginetest.Process) (any, error) {
		var repair bool
		if err := json.NewDecoder(p.Stdin).Decode(&repair); err != nil || repair {
			return nil, fmt.Errorf("repair is %v, %w", repair, err)
		}
		return found, nil
	}))
	got, err := Verify(t.Context(), in(w), false)
	if err != nil || !reflect.DeepEqual(got, found) {
		t.Errorf("%+v, %v", got, err)
	}
	w.WantCalls("exec "+proxytest.Anchor+" prepare", "exec "+proxytest.Anchor+" "+agentapi.ModeVerify)
}

// Those images are asked first that are known to have what is broken; a stamp that
// is no longer good is made anew; and of what is left it is said what can be done.
func TestVerifyRepairsFromTheImagesOnTheEngine(t *testing.T) {
	w := proxytest.New(t)
	gone := proxytest.Stamp()
	gone.Identity, gone.Reference = "0123456789abcdef", "gone:1"
	w.AddVolume(proxytest.Stamp(), gone)
	w.AddAnchor("running")
	second := addOthers(w)
	identity := image.Identity(second)
	broken := []agentapi.BrokenPath{
		{Path: "/nix/store/a", Images: []string{identity}}, {Path: "/nix/store/b"}, {Path: "/nix/store/c", Images: []string{gone.Identity}},
	}
	w.Program(agentapi.ModeVerify, job(func(p *enginetest.Process) (any, error) {
		return agentapi.Verification{Broken: broken, Faults: []agentapi.Fault{{Problem: "a stamp", Image: identity}}}, nil
	}))
	var order []string
	w.Program(agentapi.ModeRepair, job(func(p *enginetest.Process) (any, error) {
		var left []agentapi.BrokenPath
		if err := json.NewDecoder(p.Stdin).Decode(&left); err != nil {
			return nil, err
		}
		text := p.Container.Image
		for _, b := range left {
			text += " " + string(b.Path)
		}
		order = append(order, text)
		if p.Container.Image == second.ID {
			return []string{"/nix/store/a"}, nil
		}
		return []string{}, nil
	}))
	found, err := Verify(t.Context(), in(w), true)
	if err != nil {
		t.Fatalf("%v\n%s", err, w.Shown())
	}
	want := []string{second.ID + " /nix/store/a /nix/store/b /nix/store/c", proxytest.Image.ID + " /nix/store/b /nix/store/c", "sha256:2 /nix/store/b /nix/store/c"}
	if !slices.Equal(order, want) {
		t.Errorf("the images were tried as %q", order)
	}
	a, b, c := found.Broken[0], found.Broken[1], found.Broken[2]
	if !a.Repaired || a.RepairedFrom != "nixos/nix:2.9.0" || a.Hint != "" {
		t.Errorf("a: %+v", a)
	}
	if b.Repaired || !strings.Contains(b.Hint, "no image has it: `nixproxy run -- nix-store --repair-path /nix/store/b`") {
		t.Errorf("b: %+v", b)
	}
	if c.Repaired || !strings.Contains(c.Hint, "image gone:1 has it: get that with `nixproxy --image gone:1 image pull`") {
		t.Errorf("c: %+v", c)
	}
	if !strings.Contains(w.Shown(), "copying nixos/nix:2.9.0 into volume "+proxytest.Volume) || strings.Contains(w.Shown(), "copying nixos/nix:2.8.0") {
		t.Errorf("stamps: %s", w.Shown())
	}
}

func TestVerifyThatFails(t *testing.T) {
	w := proxytest.New(t)
	if _, err := Verify(t.Context(), in(w), false); err == nil || !strings.Contains(err.Error(), "there is no volume") {
		t.Errorf("no volume: %v", err)
	}
	w.AddVolume(proxytest.Stamp())
	w.Program(agentapi.ModeVerify, enginetest.Refuse("the disk is gone"))
	if _, err := Verify(t.Context(), in(w), true); err == nil || err.Error() != "the disk is gone" {
		t.Errorf("got %v", err)
	}
	w.Program(agentapi.ModeVerify, job(func(*enginetest.Process) (any, error) {
		return agentapi.Verification{Broken: []agentapi.BrokenPath{{Path: "/nix/store/a"}}}, nil
	}))
	w.Program(agentapi.ModeRepair, enginetest.Refuse("no space left"))
	if _, err := Verify(t.Context(), in(w), true); err == nil || err.Error() != "no space left" {
		t.Errorf("got %v", err)
	}
}

func proxyOn(volume, name, state, nix string) engine.Container {
	return engine.Container{Name: name, State: state, Labels: map[string]string{container.LabelVolume: volume,
		container.LabelRole: string(container.RoleProxy), container.LabelNix: nix, container.LabelProject: "/p"}}
}

func TestListAsksRunningAnchorsAlone(t *testing.T) {
	w := proxytest.New(t)
	if rows, err := List(t.Context(), in(w)); err != nil || rows == nil || len(rows) != 0 {
		t.Errorf("none: %+v, %v", rows, err)
	}
	w.AddVolume(proxytest.Stamp())
	w.AddAnchor("running")
	w.Add(proxyOn(proxytest.Volume, "p1", "running", proxytest.Version))
	w.Add(proxyOn(proxytest.Volume, "p2", "exited", "2.8.0"))
	w.Add(proxyOn(proxytest.Volume, "p3", "exited", ""))
	w.Engine.AddVolume("a", map[string]string{volume.LabelLayout: "1", volume.LabelFlavour: "lix", volume.LabelPlatform: "linux/arm64", container.LabelVolume: "a"})
	w.Engine.AddVolume("theirs", nil)
	rows, err := List(t.Context(), in(w))
	want := []VolumeRow{
		{Name: "a", Flavour: "lix", Platform: "linux/arm64", NixVersions: []string{}},
		{Name: proxytest.Volume, Flavour: "nix", Platform: "linux/amd64", NixVersions: []string{proxytest.Version, "2.8.0"}, RunningContainers: 1, Current: true},
	}
	if err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("%+v, %v", rows, err)
	}
	w.WantCalls("exec " + proxytest.Anchor + " prepare " + agentapi.ReadOnly)
	w.Program(agentapi.ModePrepare, enginetest.Refuse("it has another layout"))
	if rows, err := List(t.Context(), in(w)); err != nil || len(rows) != 2 {
		t.Errorf("one that cannot be used: %+v, %v", rows, err)
	}
}

func TestRemovableIsWhatNixproxyMade(t *testing.T) {
	w := proxytest.New(t)
	p := in(w)
	if _, err := Removable(t.Context(), p, nil); err == nil || hint.Text(err) != "there is no volume "+proxytest.Volume+"\nhint: `nixproxy volume ls` lists those that are there" {
		t.Errorf("none: %v", err)
	}
	w.AddVolume()
	if names, err := Removable(t.Context(), p, nil); err != nil || !slices.Equal(names, []string{proxytest.Volume}) {
		t.Errorf("the default: %q, %v", names, err)
	}
	w.Engine.AddVolume("theirs", nil)
	if _, err := Removable(t.Context(), p, []string{proxytest.Volume, "theirs"}); err == nil || !strings.Contains(err.Error(), "volume theirs was not made by nixproxy") {
		t.Errorf("theirs: %v", err)
	}
	w.WantCalls()
}

func TestRemovalTellsWhatWouldGo(t *testing.T) {
	w := proxytest.New(t)
	w.Engine.AddVolume("v", map[string]string{volume.LabelLayout: agentapi.Layout, volume.LabelFlavour: "nix", volume.LabelPlatform: "linux/amd64", container.LabelVolume: "v"})
	w.Add(engine.Container{Name: "v-anchor", State: "running", Image: proxytest.Image.ID,
		Labels: map[string]string{container.LabelVolume: "v", container.LabelRole: string(container.RoleAnchor)}})
	w.Add(proxyOn("v", "v-1", "running", "2.8.0"))
	w.Add(proxyOn("v", "v-2", "exited", "2.8.0"))
	w.Program(agentapi.ModeInspect, enginetest.Print(`{"store":{"paths":7}}`))
	r, err := NewRemoval(t.Context(), in(w), "v")
	if err != nil || r.Volume != "v" || len(r.Running) != 1 || r.Running[0].Name != "v-1" || r.Running[0].Project != "/p" || r.Holds == nil || r.Holds.Store.Paths != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	w.Program(agentapi.ModeInspect, enginetest.Refuse("its database is broken"))
	if r, err = NewRemoval(t.Context(), in(w), "v"); err != nil || r.Holds != nil || len(r.Running) != 1 {
		t.Errorf("one that cannot be looked into: %+v, %v", r, err)
	}
	broken := errors.New("the engine is broken")
	w.Fail("list", broken)
	if _, err = NewRemoval(t.Context(), in(w), "v"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAVolumeIsRemovedAfterItsContainers(t *testing.T) {
	w := proxytest.New(t)
	w.AddVolume()
	w.Engine.AddVolume("u", map[string]string{container.LabelVolume: "u"})
	w.AddAnchor("running")
	w.Add(proxyOn(proxytest.Volume, "p1", "running", ""))
	p := in(w)
	names, err := Names(t.Context(), p)
	slices.Sort(names)
	if err != nil || !slices.Equal(names, []string{proxytest.Volume, "u"}) {
		t.Errorf("all: %q, %v", names, err)
	}
	p.Settings.Volume = proxytest.Volume
	if names, err = Names(t.Context(), p); err != nil || !slices.Equal(names, []string{proxytest.Volume}) {
		t.Errorf("the one that is set: %q, %v", names, err)
	}
	if _, err := p.Remove(t.Context(), proxytest.Volume); err != nil {
		t.Fatal(err)
	}
	if err := Remove(t.Context(), p, proxytest.Volume); err != nil {
		t.Fatal(err)
	}
	w.WantCalls("remove p1", "remove "+proxytest.Anchor, "remove-volume "+proxytest.Volume)
}
