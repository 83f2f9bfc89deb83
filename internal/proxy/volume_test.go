package proxy

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/proxy/proxytest"
	"github.com/nixproxy/nixproxy/internal/volume"
)

func TestOpenVolumeMakesNoVolume(t *testing.T) {
	w := proxytest.New(t)
	_, err := in(w).OpenVolume(t.Context())
	if missing, ok := errors.AsType[*volume.MissingError](err); !ok || missing.Volume != proxytest.Volume {
		t.Errorf("got %v", err)
	}
	w.WantCalls()
}

// It pulls and syncs nothing: there may be no room for it.
func TestOpenVolumeTakesAnyImage(t *testing.T) {
	other := engine.Image{ID: "sha256:2", OS: "linux", Arch: "amd64", Layers: []string{"other"}}
	for name, test := range map[string]struct {
		set  func(*proxytest.World)
		want string // image of the anchor; empty: an error
	}{
		"the one for this Nix": {func(*proxytest.World) {}, proxytest.Image.ID},
		"another Nix's": {func(w *proxytest.World) {
			w.Settings.NixVersion = "2.8.0"
			w.AddImage(other, "nixos/nix:2.3.7")
		}, proxytest.Image.ID},
		"none": {func(w *proxytest.World) { w.Settings.Image = "elsewhere:1" }, ""},
	} {
		w := proxytest.New(t)
		w.AddVolume(proxytest.Stamp())
		test.set(w)
		v, err := in(w).OpenVolume(t.Context())
		if test.want == "" {
			if err == nil || !strings.Contains(err.Error(), "there is no Nix image on the engine") {
				t.Errorf("%s: %v", name, err)
			}
			w.WantCalls()
			continue
		}
		if err != nil || v.Name != proxytest.Volume || len(v.Stamps) != 1 || v.Stamps[0].Identity != proxytest.Stamp().Identity {
			t.Errorf("%s: %+v, %v", name, v.Stamps, err)
			continue
		}
		w.WantCalls("create "+proxytest.Anchor, "copy "+proxytest.Anchor, "start "+proxytest.Anchor, "exec "+proxytest.Anchor+" prepare")
		if anchor := w.Container(proxytest.Anchor); name != "another Nix's" && anchor.Image != test.want {
			t.Errorf("%s: the anchor is of image %s", name, anchor.Image)
		}
	}
}

// An anchor that was made of an image goes on with it.
func TestOpenVolumeTakesTheAnchorsImage(t *testing.T) {
	w := proxytest.New(t)
	w.AddVolume()
	w.AddAnchor("exited")
	w.Settings.Image = "elsewhere:1"
	v, err := in(w).OpenVolume(t.Context())
	if err != nil || v.Place.Image.ID != proxytest.Image.ID {
		t.Errorf("%+v, %v", v.Place, err)
	}
	w.WantCalls("start "+proxytest.Anchor, "exec "+proxytest.Anchor+" prepare")
	v.Waiting()
	if !strings.Contains(w.Shown(), "waiting for another job on volume "+proxytest.Volume) {
		t.Errorf("shown: %s", w.Shown())
	}
}

func TestSyncVolumeCopiesTheImagesStoreOnce(t *testing.T) {
	w := proxytest.New(t)
	p := in(w)
	for n := range 2 {
		v, stamp, err := p.SyncVolume(t.Context())
		if err != nil || v.Name != proxytest.Volume || stamp.Reference != proxytest.Reference {
			t.Fatalf("%+v, %v", stamp, err)
		}
		if jobs := count(w.Calls(), "start "+proxytest.Throwaway); jobs != 1-n {
			t.Errorf("%d jobs: %q", jobs, w.Calls())
		}
		w.Forget()
	}
}

func TestStopAndRemoveEndWithTheAnchor(t *testing.T) {
	labelled := func(volume string, role container.Role) map[string]string {
		return map[string]string{container.LabelVolume: volume, container.LabelRole: string(role)}
	}
	fill := func(t *testing.T) *proxytest.World {
		w := proxytest.New(t)
		w.Add(engine.Container{Name: "v-anchor", State: "running", Labels: labelled("v", container.RoleAnchor)})
		w.Add(engine.Container{Name: "v-sync", State: "running", Labels: labelled("v", container.RoleThrowaway)})
		w.Add(engine.Container{Name: "v-b", State: "exited", Labels: labelled("v", container.RoleProxy)})
		w.Add(engine.Container{Name: "v-a", State: "running", Labels: labelled("v", container.RoleProxy)})
		w.Add(engine.Container{Name: "u-anchor", State: "running", Labels: labelled("u", container.RoleAnchor)})
		w.Add(engine.Container{Name: "theirs", State: "running"})
		return w
	}
	w := fill(t)
	names, err := in(w).Stop(t.Context())
	if want := []string{"v-a", "v-sync", "u-anchor", "v-anchor"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("stopped %q, %v", names, err)
	}
	w.WantCalls("stop v-a", "stop v-b", "stop v-sync", "stop u-anchor", "stop v-anchor")
	w = fill(t)
	w.Settings.Volume = "u"
	if names, err := in(w).Stop(t.Context()); err != nil || !slices.Equal(names, []string{"u-anchor"}) {
		t.Errorf("stopped %q, %v", names, err)
	}
	w = fill(t)
	if names, err = in(w).Remove(t.Context(), "v"); err != nil || !slices.Equal(names, []string{"v-a", "v-b", "v-sync", "v-anchor"}) {
		t.Errorf("removed %q, %v", names, err)
	}
	w.WantCalls("remove v-a", "remove v-b", "remove v-sync", "remove v-anchor")
	w = fill(t)
	broken := errors.New("the engine is broken")
	w.Fail("remove", nil, broken)
	if names, err = in(w).Remove(t.Context(), "v"); !errors.Is(err, broken) || !slices.Equal(names, []string{"v-a"}) {
		t.Errorf("removed %q, %v", names, err)
	}
}

func TestStatusChangesNothing(t *testing.T) {
	w := proxytest.New(t)
	p := in(w)
	s, err := p.Status(t.Context())
	if err != nil || s.Volume.Present || len(s.Containers) != 0 || !s.Image.Present || s.Image.Reference != proxytest.Reference {
		t.Errorf("nothing is there: %+v, %v", s, err)
	}
	if s.Nix.Origin != "--nix-version" || s.Engine.Platform != "linux/amd64" || s.Volume.Images == nil || s.Containers == nil {
		t.Errorf("nothing is there: %+v", s)
	}
	w.WantCalls()
	if _, err := run(t, p, "x"); err != nil {
		t.Fatal(err)
	}
	w.Forget()
	s, err = p.Status(t.Context())
	if err != nil || !s.Volume.Present || len(s.Volume.Images) != 1 || len(s.Containers) != 2 {
		t.Errorf("all is there: %+v, %v", s, err)
	}
	w.WantCalls("exec " + proxytest.Anchor + " prepare " + agentapi.ReadOnly)
	w.Settings.NixVersion, w.Settings.Pull = "2.8.0", "never"
	if s, err = in(w).Status(t.Context()); err != nil || s.Image.Present {
		t.Errorf("another image: %+v, %v", s.Image, err)
	}
}

// An anchor may end just when it is asked what is in its volume.
func TestStatusOfAVolumeWhoseAnchorHasEnded(t *testing.T) {
	w := proxytest.New(t)
	w.AddVolume(proxytest.Stamp())
	w.AddAnchor("exited")
	s, err := in(w).Status(t.Context())
	if err != nil || !s.Volume.Present || len(s.Volume.Images) != 0 {
		t.Errorf("it has ended: %+v, %v", s.Volume, err)
	}
	w.Change(proxytest.Anchor, func(c *enginetest.Container) { c.State = "running" })
	w.Before = func(call, name string) error {
		if call == "exec" {
			w.Change(proxytest.Anchor, func(c *enginetest.Container) { c.State = "exited" })
		}
		return nil
	}
	if s, err = in(w).Status(t.Context()); err != nil || len(s.Volume.Images) != 0 {
		t.Errorf("it ends meanwhile: %+v, %v", s.Volume, err)
	}
}

func TestVersionsAsksNoEngine(t *testing.T) {
	w := proxytest.New(t)
	v, err := in(w).Versions(t.Context())
	if err != nil || v.Image != proxytest.Reference || v.Nix.Version != proxytest.Version {
		t.Errorf("%+v, %v", v, err)
	}
	w.Settings.NixVersion = "x"
	if _, err := in(w).Versions(t.Context()); err == nil {
		t.Error("a version that is none was taken")
	}
	if nix, err := in(proxytest.New(t)).Nix(t.Context()); err != nil || nix.Version != proxytest.Version {
		t.Errorf("%+v, %v", nix, err)
	}
	if got := w.Requests(); len(got) != 0 {
		t.Errorf("the engine was asked for %q", got)
	}
}
