package check

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/testtree"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// aVolume makes a volume with two stamped images and no faults.
func aVolume(t *testing.T) (v layout.Volume, graph nixstore.Graph, stamps []agentapi.Stamp) {
	t.Helper()
	v, graph = testvolume.New(t), nixstore.Graph{}
	if _, err := v.HostKey(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		s := agentapi.Stamp{Identity: strings.Repeat(name, 12), Reference: "nix:" + name, Nix: "/nix/store/nix-" + name, Profile: "/nix/store/profile-" + name}
		for _, path := range []string{s.Nix, s.Profile} {
			graph[nixstore.Path(path)] = nixstore.Info{}
		}
		if err := v.RootImage(s); err != nil {
			t.Fatal(err)
		}
		if err := v.WriteStamp(s); err != nil {
			t.Fatal(err)
		}
		stamps = append(stamps, s)
	}
	return v, graph, stamps
}

func lookFor(t *testing.T, v layout.Volume, graph nixstore.Graph, repair bool) faults {
	t.Helper()
	f := faults{volume: v, graph: graph, reread: func() (nixstore.Graph, error) { return graph, nil }, repair: repair}
	if err := f.find(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFaultsAreToldAndMended(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(layout.Volume, nixstore.Graph, agentapi.Stamp) error
		what  string
		image bool // its store is to be copied again
		gone  bool // the stamp is
	}{
		"none": {spoil: func(layout.Volume, nixstore.Graph, agentapi.Stamp) error { return nil }},
		"a damaged stamp": {func(v layout.Volume, _ nixstore.Graph, s agentapi.Stamp) error {
			return os.WriteFile(v.StampFile(s.Identity), []byte("{"), 0o644)
		}, "the stamp of image aaaaaaaaaaaa is damaged", true, true},
		"a path that is not valid": {func(v layout.Volume, g nixstore.Graph, s agentapi.Stamp) error {
			delete(g, nixstore.Path(s.Nix))
			return nil
		}, "/nix/store/nix-a of image nix:a is not in the store any more", true, true},
		"no root": {func(v layout.Volume, _ nixstore.Graph, s agentapi.Stamp) error {
			return os.RemoveAll(v.ImageRoots(s.Identity))
		}, "image nix:a has no root for its ", false, false},
		"another root": {func(v layout.Volume, _ nixstore.Graph, s agentapi.Stamp) error {
			return layout.ReplaceLink("/nix/store/other", filepath.Join(v.ImageRoots(s.Identity), "profile"))
		}, "image nix:a has no root for its profile", false, false},
		"a damaged key": {func(v layout.Volume, _ nixstore.Graph, s agentapi.Stamp) error {
			return os.WriteFile(v.Own("hostkey"), nil, 0o600)
		}, "the agents' host key cannot be read", false, false},
		"a key that all may read": {func(v layout.Volume, _ nixstore.Graph, s agentapi.Stamp) error {
			return os.Chmod(v.Own("hostkey"), 0o644)
		}, "the agents' host key has mode 644, not 600", false, false},
	} {
		v, graph, stamps := aVolume(t)
		if err := test.spoil(v, graph, stamps[0]); err != nil {
			t.Fatal(err)
		}
		before := testtree.List(t, string(v))
		found := lookFor(t, v, graph, false).found
		if !slices.Equal(testtree.List(t, string(v)), before) {
			t.Errorf("%s: looking has changed something", name)
		}
		if test.what == "" {
			if len(found) > 0 {
				t.Errorf("%s: %v", name, found)
			}
			continue
		}
		if len(found) != 1 || !strings.HasPrefix(found[0].Problem, test.what) || (found[0].Image == stamps[0].Identity) != test.image || found[0].Repaired {
			t.Errorf("%s: told was %+v", name, found)
		}
		if again := lookFor(t, v, graph, true).found; len(again) != 1 || !again[0].Repaired {
			t.Errorf("%s: repaired was %+v", name, again)
		}
		if left := lookFor(t, v, graph, false).found; len(left) > 0 {
			t.Errorf("%s: after mending: %+v", name, left)
		}
		if _, err := os.Stat(v.StampFile(stamps[0].Identity)); os.IsNotExist(err) != test.gone {
			t.Errorf("%s: its stamp: %v", name, err)
		}
	}
}

// Images come and go while a volume is read, which can take long.
func TestFaultsAreNoneOfWhatOthersDoMeanwhile(t *testing.T) {
	v, graph, stamps := aVolume(t)
	f := faults{volume: v, graph: nixstore.Graph{}, repair: true, reread: func() (nixstore.Graph, error) { return graph, nil }}
	if err := f.find(); err != nil || len(f.found) > 0 {
		t.Errorf("two came: %+v, %v", f.found, err)
	}
	f.graph, f.reread = nixstore.Graph{}, func() (nixstore.Graph, error) { return nixstore.Graph{}, v.DropImage(stamps[0].Identity) }
	if err := f.checkStamp(stamps[0].Identity); err != nil || len(f.found) > 0 {
		t.Errorf("one went while it was looked at: %+v, %v", f.found, err)
	}
	if err := f.checkStamp(stamps[0].Identity); err != nil || len(f.found) > 0 {
		t.Errorf("one had gone: %+v, %v", f.found, err)
	}
}

func TestLeftoversAreThoseThatNobodyWritesAnyMore(t *testing.T) {
	v, graph, stamps := aVolume(t)
	old := []string{v.Own(".new-1"), v.Own("images/.new-2"), v.ImageRoots(stamps[0].Identity) + "/.new-3-nix", v.Own("mend")}
	testtree.Make(t, v.Own(), map[string]string{".new-1": "", "images/.new-2": "", ".new-young": "", "mend/p/q": "", "home/.new-theirs": ""})
	if err := os.Symlink("x", old[2]); err != nil {
		t.Fatal(err)
	}
	ago := unix.NsecToTimespec(time.Now().Add(-2 * abandoned).UnixNano())
	for _, file := range append(old, v.Own("home/.new-theirs")) {
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, file, []unix.Timespec{ago, ago}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"/nix/var/nix/gcroots/nixproxy/images/" + stamps[0].Identity + "/.new-3-nix",
		"/nix/var/nixproxy/.new-1", "/nix/var/nixproxy/images/.new-2", "/nix/var/nixproxy/mend"}
	for _, repair := range []bool{false, true} {
		got := lookFor(t, v, graph, repair).leftovers
		if slices.Sort(got); !reflect.DeepEqual(got, want) {
			t.Errorf("got %q", got)
		}
	}
	if left := lookFor(t, v, graph, false).leftovers; len(left) > 0 {
		t.Errorf("%q stay", left)
	}
	for _, file := range []string{".new-young", "home/.new-theirs"} {
		if _, err := os.Stat(v.Own(file)); err != nil {
			t.Error(err)
		}
	}
}
