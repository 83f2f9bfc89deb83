package transfer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// An export has what is held for every host: no pins, no old generations, and nothing twice.
func TestHeldForEveryHost(t *testing.T) {
	v := testvolume.New(t)
	named := func(name string) string { return nixstore.Dir + "/00000000000000000000000000000001-" + name }
	image := agentapi.Stamp{Identity: "0123456789ab", Nix: named("nix"), Profile: named("profile")}
	if err := v.WriteStamp(image); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		v.State("gcroots/nixproxy/sync/a"):                     named("a"),
		v.State("gcroots/nixproxy/sync/again"):                 named("a"),
		v.State("gcroots/nixproxy/sync/nothing"):               "/nowhere",
		v.State("gcroots/nixproxy/projects/host/pinned"):       named("pinned"),
		v.State("profiles/default"):                            "default-2-link",
		v.State("profiles/default-1-link"):                     named("past"),
		v.State("profiles/default-2-link"):                     named("default"),
		v.State("profiles/images-own"):                         image.Profile,
		v.State("profiles/per-user/root/channels"):             "channels-1-link",
		v.State("profiles/per-user/root/channels-1-link"):      named("channels"),
		v.Home() + "/.local/state/nix/profiles/profile":        "profile-1-link",
		v.Home() + "/.local/state/nix/profiles/profile-1-link": named("users"),
	} {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	manifest, err := listHeld(v)
	slices.Sort(manifest.Roots)
	want := []nixstore.Path{nixstore.Path(named("a")), nixstore.Path(named("channels")), nixstore.Path(named("default")), nixstore.Path(named("users"))}
	if err != nil || !slices.Equal(manifest.Roots, want) || len(manifest.Images) != 1 || fmt.Sprint(manifest.Images[0]) != fmt.Sprint(image) {
		t.Errorf("%+v, %v", manifest, err)
	}
}
