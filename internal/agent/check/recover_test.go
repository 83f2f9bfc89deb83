package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/testtree"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// storePathOf returns a store path with this name.
func storePathOf(name string) nixstore.Path {
	return nixstore.Path(nixstore.Dir + "/" + strings.Repeat("0", 32) + "-" + name)
}

// addPath makes a directory in the store, and returns its registration.
func addPath(t *testing.T, v layout.Volume, name string, mode os.FileMode) nixstore.Info {
	t.Helper()
	path := storePathOf(name)
	dir := v.Outside(string(path))
	testtree.Make(t, dir, map[string]string{"a": name, "b/c": name})
	hash, err := nixstore.NarHash(dir, nixstore.Unwatched)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return nixstore.Info{Path: path, NarHash: hash}
}

// A kill of Nix may leave a root's link at its temporary name.
func TestLinksThatNixDidNotRename(t *testing.T) {
	v := testvolume.New(t)
	auto := v.State("gcroots/auto")
	testtree.Make(t, auto, map[string]string{"nh0jh1pj0wk3rvsxwd054kqfzclfjmm7": "", "nh0jh1pj0wk3rvsxwd054kqfzclfjmm7.tmp-77-2118379246": ""})
	if err := removeUnnamed(v); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(auto); err != nil || len(left) != 1 || left[0].Name() != "nh0jh1pj0wk3rvsxwd054kqfzclfjmm7" {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestStampsOfImagesThatAreNotWholeGo(t *testing.T) {
	v := testvolume.New(t)
	for name, lost := range map[string]string{"a": "", "b": "nix-b", "c": "profile-c", "d": "base-d"} {
		s := agentapi.Stamp{Identity: strings.Repeat(name, 12), Nix: string(storePathOf("nix-" + name)), Profile: string(storePathOf("profile-" + name)),
			BaseSystem: string(storePathOf("base-" + name))}
		for _, path := range layout.RootsOf(s) {
			if filepath.Base(path) != storePathOf(lost).Base() {
				testtree.Make(t, v.Outside(path), map[string]string{"x": ""})
			}
		}
		if err := v.WriteStamp(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := unstampIncomplete(v); err != nil {
		t.Fatal(err)
	}
	if left, err := v.Stamps(); err != nil || len(left) != 1 || left[0].Identity != strings.Repeat("a", 12) {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestNothingIsForgottenOfANewVolume(t *testing.T) {
	if err := forgetLost(t.Context(), testvolume.New(t)); err != nil {
		t.Error(err)
	}
}

// Nothing is forgotten while another process has the store open.
func TestNothingIsForgottenBesideOthers(t *testing.T) {
	v := testvolume.New(t)
	testtree.Make(t, v.State("db"), map[string]string{"db.sqlite": "", "big-lock": ""})
	lock, err := os.Open(v.State("db/big-lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := forgetLost(t.Context(), v); err != errInUse {
		t.Error(err)
	}
}
