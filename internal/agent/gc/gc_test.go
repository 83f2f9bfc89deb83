package gc

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/pins"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

func newCollection(t *testing.T, plan agentapi.GCPlan, answers string) *collector {
	t.Helper()
	return &collector{Volume: testvolume.New(t), plan: plan, events: agentapi.NewTeller(&bytes.Buffer{}), answers: strings.NewReader(answers), dropped: map[string]bool{}}
}

// decided returns the decisions, as "goes NAME" or "stays NAME".
func (c *collector) decided() (all []string) {
	for _, f := range c.decisions {
		if f.Delete {
			all = append(all, "goes "+f.Name)
		} else {
			all = append(all, "stays "+f.Name)
		}
	}
	return all
}

// addImage makes an image with one store path that was used so many days ago.
func (c *collector) addImage(t *testing.T, identity, name string, days int) {
	t.Helper()
	last := time.Now().AddDate(0, 0, -days)
	nix := filepath.Join(string(c.Volume), "store", name)
	err := errors.Join(os.MkdirAll(filepath.Join(nix, "bin"), 0o755), os.WriteFile(filepath.Join(nix, "bin/nix-store"), nil, 0o755))
	s := agentapi.Stamp{Identity: identity, Reference: name, Nix: nix, Profile: nix, BaseSystem: nix, Synced: last.UTC().Format(time.RFC3339)}
	if err := errors.Join(err, c.RootImage(s), c.WriteStamp(s)); err != nil {
		t.Fatal(err)
	}
}

func TestJudgeImages(t *testing.T) {
	for _, dryRun := range []bool{true, false} {
		c := newCollection(t, agentapi.GCPlan{KeepImages: 2, DryRun: dryRun}, "")
		for i, name := range []string{"new", "old", "older", "oldest"} {
			c.addImage(t, strings.Repeat(string("abcd"[i]), 12), name, i+1)
		}
		if err := os.MkdirAll(c.Volume.ImageRoots("eeeeeeeeeeee"), 0o755); err != nil {
			t.Fatal(err)
		}
		running, err := c.UseImage("dddddddddddd")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.decideImages(t.Context()); err != nil {
			t.Fatal(err)
		}
		running()
		if want := []string{"stays oldest", "stays new", "goes old", "goes older", "goes eeeeeeeeeeee"}; !slices.Equal(c.decided(), want) {
			t.Errorf("%q", c.decided())
		}
		left, want := []string{}, []string{"aaaaaaaaaaaa", "dddddddddddd"}
		if dryRun {
			want = []string{"aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", "dddddddddddd", "eeeeeeeeeeee"}
		}
		dirs, _ := filepath.Glob(c.Volume.ImageRoots("*"))
		for _, dir := range dirs {
			left = append(left, filepath.Base(dir))
		}
		stamps, err := c.Stamps()
		if err != nil || !slices.Equal(left, want) || len(stamps) != min(len(want), 4) {
			t.Errorf("dry run %v: roots %q, %d stamps, %v", dryRun, left, len(stamps), err)
		}
	}
}

// An import gives an image roots long before its stamp. A collection at the same time once
// dropped them, and the next collection deleted paths that the stamp named.
func TestJudgeImagesLeavesThoseThatAreBrought(t *testing.T) {
	c := newCollection(t, agentapi.GCPlan{KeepImages: 1}, "")
	c.addImage(t, "aaaaaaaaaaaa", "new", 1)
	brought := agentapi.Stamp{Identity: "bbbbbbbbbbbb", Nix: nixstore.Dir + "/x", Profile: nixstore.Dir + "/x"}
	leave, err := c.UseImage(brought.Identity)
	if err := errors.Join(err, c.RootImage(brought), c.decideImages(t.Context())); err != nil {
		t.Fatal(err)
	}
	leave()
	if _, err := os.Stat(c.Volume.ImageRoots(brought.Identity)); err != nil || !slices.Equal(c.decided(), []string{"stays new", "stays bbbbbbbbbbbb"}) {
		t.Errorf("%q, %v", c.decided(), err)
	}
	if err := errors.Join(c.WriteStamp(brought), c.decideUnstamped(brought.Identity)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Volume.ImageRoots(brought.Identity)); err != nil {
		t.Errorf("stamped meanwhile: %v", err)
	}
}

// A path that is synced during a collection stays.
func TestJudgeSyncedSeesWhatIsSyncedAgain(t *testing.T) {
	c := newCollection(t, agentapi.GCPlan{OlderThan: time.Hour}, "")
	if err := c.RootSynced([]nixstore.Path{pathA, pathB}); err != nil {
		t.Fatal(err)
	}
	ago := unix.NsecToTimeval(time.Now().Add(-2 * time.Hour).UnixNano())
	for _, path := range []nixstore.Path{pathA, pathB} {
		link := c.State("gcroots/nixproxy/sync", path.Base())
		if err := unix.Lutimes(link, []unix.Timeval{ago, ago}); err != nil {
			t.Fatal(err)
		}
		c.roots = append(c.roots, agentapi.Root{Origin: agentapi.OriginSync, Link: link, Path: path})
	}
	unlock, err := filelock.AcquireDir(c.State("gcroots/nixproxy/sync"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	judged := make(chan error)
	go func() { judged <- c.decideSynced(t.Context()) }()
	select {
	case err := <-judged:
		t.Fatalf("it judged while somebody synced: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	now := unix.NsecToTimeval(time.Now().UnixNano())
	err = unix.Lutimes(c.State("gcroots/nixproxy/sync", pathB.Base()), []unix.Timeval{now, now})
	unlock()
	if err := errors.Join(err, <-judged); err != nil {
		t.Fatal(err)
	}
	links, _ := filepath.Glob(c.State("gcroots/nixproxy/sync/*"))
	if !slices.Equal(c.decided(), []string{"goes " + pathA.Base(), "stays " + pathB.Base()}) || len(links) != 1 {
		t.Errorf("%q, left are %q", c.decided(), links)
	}
}

const thisHost, otherHost = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"

func (c *collector) addPin(t *testing.T, host, name, link string) {
	t.Helper()
	root, record := c.State("gcroots/nixproxy/projects", host, name), c.Own("pins", host, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(root), 0o755), os.MkdirAll(filepath.Dir(record), 0o755),
		os.Symlink(nixstore.Dir+"/x", root), os.Symlink(link, record))
	if err != nil {
		t.Fatal(err)
	}
}

func TestJudgePins(t *testing.T) {
	for name, test := range map[string]struct {
		plan    agentapi.GCPlan
		answers string
		goes    []string
	}{
		"each as its link is": {answers: `{"/p/there":"there","/p/gone":"gone","/q/away":"away"}`, goes: []string{"/p/gone"}},
		"nobody answers":      {},
		"not an answer":       {answers: `"gone"`},
		"forgotten, but for what is there": {plan: agentapi.GCPlan{ForgetDirs: []string{"/p", "/q", "/m"}}, answers: `{"/p/there":"there","/p/gone":"away","/q/away":"away"}`,
			goes: []string{"/m/elsewhere", "/p/gone", "/q/away"}},
		"another host": {plan: agentapi.GCPlan{ForgetHosts: []string{otherHost}}, answers: `{}`, goes: []string{"/p/other"}},
		"in a dry run": {plan: agentapi.GCPlan{DryRun: true}, answers: `{"/p/gone":"gone"}`, goes: []string{"/p/gone"}},
	} {
		test.plan.Host = thisHost
		c := newCollection(t, test.plan, test.answers)
		c.addPin(t, thisHost, "1", "/p/there")
		c.addPin(t, thisHost, "2", "/p/gone")
		c.addPin(t, thisHost, "3", "/q/away")
		c.addPin(t, thisHost, "4-elsewhere", "/m/elsewhere")
		c.addPin(t, otherHost, "5", "/p/other")
		if err := c.decidePins(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var goes, left []string
		for _, f := range c.decisions {
			if f.Delete {
				goes = append(goes, f.Name)
			}
		}
		for _, p := range pins.All(c.Volume) {
			left = append(left, p.Link)
		}
		slices.Sort(goes)
		removed := len(test.goes)
		if test.plan.DryRun {
			removed = 0
		}
		if !slices.Equal(goes, test.goes) || len(c.decisions) != 5 || len(left) != 5-removed {
			t.Errorf("%s: %q of %d go, left are %q", name, goes, len(c.decisions), left)
		}
	}
}

func TestForgetRefusesUnknownNames(t *testing.T) {
	for _, plan := range []agentapi.GCPlan{
		{Host: thisHost, ForgetDirs: []string{"/other"}}, {Host: thisHost, ForgetDirs: []string{"/p", "/pp"}},
		{Host: thisHost, ForgetHosts: []string{"cccccccccccccccc"}}, {Host: thisHost, ForgetHosts: []string{thisHost}},
	} {
		c := newCollection(t, plan, `{"/p/away":"away"}`)
		c.addPin(t, thisHost, "1", "/p/away")
		c.addPin(t, otherHost, "2", "/other/x")
		if err := c.decidePins(t.Context()); err == nil || len(pins.All(c.Volume)) != 2 {
			t.Errorf("%+v: %v", plan, err)
		}
	}
}

const (
	pathA = nixstore.Path("/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a")
	pathB = nixstore.Path("/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b")
	pathC = nixstore.Path("/nix/store/cccccccccccccccccccccccccccccccc-c")
)

func TestRehearse(t *testing.T) {
	before := nixstore.Graph{pathA: {NarSize: 1, References: []nixstore.Path{pathB}}, pathB: {NarSize: 2}, pathC: {NarSize: 4}}
	for _, test := range []struct {
		plan        agentapi.GCPlan
		dropped     string
		freed, live int64
	}{
		{dropped: "none", freed: 4, live: 3},
		{dropped: "root", freed: 7},
		{plan: agentapi.GCPlan{MaxSize: 6}, dropped: "none", freed: 4, live: 3},
		{plan: agentapi.GCPlan{MaxSize: 7}, dropped: "none", live: 3},
		{plan: agentapi.GCPlan{MaxSize: 1}, dropped: "none", freed: 4, live: 3},
	} {
		test.plan.DryRun = true
		c := collector{plan: test.plan, graph: before, roots: []agentapi.Root{{Link: "root", Path: pathA}}, dropped: map[string]bool{test.dropped: true}}
		live := c.live()
		if err := c.deleteGarbage(t.Context(), live); err != nil {
			t.Fatal(err)
		}
		got := c.result(before, live, nil)
		if got.SizeBefore != 7 || got.FreedSize != test.freed || got.SizeAfter != 7-test.freed || got.LiveSize != test.live {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

func TestProfiles(t *testing.T) {
	c := newCollection(t, agentapi.GCPlan{}, "")
	links := map[string]string{
		"profiles/default": "default-1-link", "profiles/default-1-link": nixstore.Dir + "/x", "profiles/per-user/root/channels": "channels-12-link",
		"profiles/mine": "/nix/store/x", "profiles/odd": "other-1-link", "profiles/odd-link": "odd-link-link",
	}
	for name, target := range links {
		if err := errors.Join(os.MkdirAll(filepath.Dir(c.State(name)), 0o755), os.Symlink(target, c.State(name))); err != nil {
			t.Fatal(err)
		}
	}
	if got := profiles(c.Volume); !slices.Equal(got, []string{c.State("profiles/default"), c.State("profiles/per-user/root/channels")}) {
		t.Errorf("%q", got)
	}
}
