package layout

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/testtree"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

const aPath = nixstore.Path("/nix/store/00000000000000000000000000000001-a")

func TestRootsAreWhatACollectorTakes(t *testing.T) {
	v := Volume(t.TempDir())
	project := t.TempDir()
	for link, target := range map[string]string{
		v.ImageRoots("abc") + "/nix":                        string(aPath),
		v.State("gcroots/nixproxy/sync/b"):                  string(aPath) + "/bin/a", // a file in a path
		v.State("gcroots/nixproxy/projects/host/c"):         string(aPath),
		v.State("profiles/default"):                         "default-1-link",
		v.State("profiles/default-1-link"):                  string(aPath),
		v.Home() + "/.local/state/nix/profiles/p-1-link":    string(aPath),
		v.State("gcroots/auto/p"):                           "/nix/var/nixproxy/home/.local/state/nix/profiles/p-1-link",
		v.State("gcroots/auto/here"):                        project + "/result",
		project + "/result":                                 string(aPath),
		v.State("gcroots/auto/elsewhere"):                   "/nowhere/result",
		v.State("gcroots/auto/not a path"):                  "/nix/store/x",
		v.State("gcroots/profiles"):                         "/nix/var/nix/profiles",
		v.State("gcroots/loop"):                             "loop",
		v.State("gcroots/nixproxy/images/abc/.new-1-other"): "nothing",
	} {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	testtree.Make(t, v.State("gcroots"), map[string]string{aPath.Base(): "", "README": ""})
	before := testtree.List(t, string(v))
	var roots []agentapi.Root
	for _, r := range v.Roots() {
		if r.Origin != agentapi.OriginRunning { // this machine's
			roots = append(roots, r)
		}
	}
	const gcroots = "/nix/var/nix/gcroots/"
	want := []agentapi.Root{
		{Origin: agentapi.OriginOther, Link: gcroots + aPath.Base(), Path: aPath},
		{Origin: agentapi.OriginImage, Link: gcroots + "nixproxy/images/abc/nix", Path: aPath},
		{Origin: agentapi.OriginProject, Link: gcroots + "nixproxy/projects/host/c", Path: aPath},
		{Origin: agentapi.OriginSync, Link: gcroots + "nixproxy/sync/b", Path: aPath},
		{Origin: agentapi.OriginProfile, Link: "/nix/var/nix/profiles/default-1-link", Path: aPath},
		{Origin: agentapi.OriginProfile, Link: "/nix/var/nixproxy/home/.local/state/nix/profiles/p-1-link", Path: aPath},
		{Origin: agentapi.OriginOther, Link: project + "/result", Path: aPath},
	}
	if !reflect.DeepEqual(roots, want) {
		t.Errorf("got %v\nwant %v", roots, want)
	}
	if !slices.Equal(testtree.List(t, string(v)), before) {
		t.Error("looking has changed something")
	}
}

func TestTemporaryRootsOfThoseWhoLive(t *testing.T) {
	v := Volume(t.TempDir())
	testtree.Make(t, v.State("temproots"), map[string]string{
		"7": string(aPath) + "\x00" + string(aPath) + "b\x00/nix/store/cut", // just being written
		"8": string(aPath) + "\x00",                                         // nobody holds it
	})
	for _, how := range []filelock.Mode{filelock.Exclusive, filelock.Shared} { // Nix before 2.4 shares it
		f, err := os.Open(v.State("temproots/7"))
		if err != nil {
			t.Fatal(err)
		}
		if err := filelock.Wait(f, how); err != nil {
			t.Fatal(err)
		}
		want := []agentapi.Root{{Origin: agentapi.OriginRunning, Link: "/proc/7", Path: aPath}, {Origin: agentapi.OriginRunning, Link: "/proc/7", Path: aPath + "b"}}
		if got := v.temporaryRoots(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v", got)
		}
		f.Close()
	}
}
