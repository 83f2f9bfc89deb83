package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent/testtree"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

func TestPrepareMakesAVolumeOurs(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"empty":                      {},
		"a fresh file system":        {"lost+found/": ""},
		"killed after the directory": {"var/nixproxy/": ""},
		"killed in the layout":       {"var/nixproxy/.new-123": "1"},
		"killed after the layout":    {"var/nixproxy/layout": "1\n"},
		"ours, in use":               {"var/nixproxy/layout": "1\n", "store/a/b": "c", "var/nix/db/db.sqlite": "d", "anything": ""},
	} {
		v := Volume(t.TempDir())
		testtree.Make(t, string(v), files)
		for range 2 { // the second time nothing changes
			if err := v.Prepare(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if layout, err := os.ReadFile(v.Own("layout")); err != nil || string(layout) != agentapi.Layout+"\n" {
			t.Errorf("%s: the layout is %q, %v", name, layout, err)
		}
		if info, err := os.Stat(v.Home()); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: HOME: %v, %v", name, info, err)
		}
		for _, dir := range []string{v.Own("images"), v.State("profiles"), v.State("gcroots/nixproxy/images")} {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				t.Errorf("%s: %s: %v", name, dir, err)
			}
		}
		if target, err := os.Readlink(v.State("gcroots/profiles")); target != "/nix/var/nix/profiles" {
			t.Errorf("%s: profiles are rooted by %q, %v", name, target, err)
		}
		for file, content := range files {
			if now, err := os.ReadFile(filepath.Join(string(v), file)); !strings.HasSuffix(file, "/") && (err != nil || string(now) != content) {
				t.Errorf("%s: %s has become %q, %v", name, file, now, err)
			}
		}
		before := testtree.List(t, string(v))
		if err := v.Prepare(); err != nil || !slices.Equal(testtree.List(t, string(v)), before) {
			t.Errorf("%s: preparing once more changed something: %v", name, err)
		}
	}
}

func TestPrepareTouchesNothingForeign(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		says  string
	}{
		"a store":               {map[string]string{"store/x/y": "z"}, "it holds /nix/store"},
		"a file":                {map[string]string{"data": "z"}, "it holds /nix/data"},
		"Nix's state":           {map[string]string{"var/nix/db/db.sqlite": "z"}, "it holds /nix/var/nix"},
		"ours and a store":      {map[string]string{"var/nixproxy/": "", "store/": ""}, "it holds /nix/store"},
		"a newer layout":        {map[string]string{"var/nixproxy/layout": "99\n"}, `layout "99"`},
		"an empty layout":       {map[string]string{"var/nixproxy/layout": ""}, `layout ""`},
		"a file in our place":   {map[string]string{"var/nixproxy": "z"}, "layout"},
		"a directory as layout": {map[string]string{"var/nixproxy/layout/": ""}, "layout"},
	} {
		v := Volume(t.TempDir())
		testtree.Make(t, string(v), test.files)
		before := testtree.List(t, string(v))
		err := v.Prepare()
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
		if after := testtree.List(t, string(v)); !slices.Equal(after, before) {
			t.Errorf("%s: it was touched: %q, now %q", name, before, after)
		}
	}
}

func TestHostKeyIsOneForAll(t *testing.T) {
	v := Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	keys := make([]string, 16)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range keys {
		all.Go(func() {
			<-begin
			key, err := v.HostKey()
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = string(ssh.MarshalAuthorizedKey(key.PublicKey()))
		})
	}
	close(begin)
	all.Wait()
	if slices.Sort(keys); keys[0] != keys[15] || !strings.HasPrefix(keys[0], "ecdsa-sha2-nistp256 ") {
		t.Errorf("there are several keys: %q", keys)
	}
	if info, err := os.Stat(v.Own("hostkey")); err != nil || info.Mode() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
	if left, _ := filepath.Glob(v.Own(".new-*")); len(left) > 0 {
		t.Errorf("%q were left", left)
	}
	if damage := v.Damage(); damage != "" {
		t.Errorf("a good key counts as damaged: %s", damage)
	}
	if err := os.WriteFile(v.Own("hostkey"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if damage := v.Damage(); damage != "its agents' host key is damaged (ssh: no key found)" {
		t.Errorf("of a damaged key is told: %q", damage)
	}
	if _, err := v.HostKey(); err == nil {
		t.Error("a damaged key was replaced or used: clients have pinned it")
	}
}

func TestStamps(t *testing.T) {
	v := Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	if stamps, err := v.Stamps(); err != nil || stamps == nil || len(stamps) != 0 {
		t.Errorf("a new volume has %v, %v; want none, as a JSON list", stamps, err)
	}
	whole := agentapi.Stamp{Identity: strings.Repeat("ab", 12), Reference: "nixos/nix:2.26.3", Version: "nix (Nix) 2.26.3",
		Nix: "/nix/store/n", Profile: "/nix/store/p", Settings: []string{"sync-before-registering = true"}, Synced: "2025-01-02T03:04:05Z"}
	if err := v.WriteStamp(whole); err != nil {
		t.Fatal(err)
	}
	if s, err := v.Stamp(whole.Identity); err != nil || fmt.Sprint(s) != fmt.Sprint(whole) {
		t.Errorf("got %+v, %v", s, err)
	}
	for name, content := range map[string]string{"a": "", "b": "{", "c": "[]", "d": `{"identity":"other"}`, "e": "{}"} {
		identity := strings.Repeat(name, 12)
		if err := os.WriteFile(v.Own("images", identity+".json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Stamp(identity); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("stamp %q: got %v, want os.ErrNotExist", content, err)
		}
	}
	if stamps, err := v.Stamps(); err != nil || len(stamps) != 1 || stamps[0].Identity != whole.Identity {
		t.Errorf("among damaged ones: %v, %v", stamps, err)
	}
	// Neither what is no stamp at all spoils the others.
	for _, name := range []string{"notes.json", "README", ".new-1.json"} {
		if err := os.WriteFile(v.Own("images", name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if stamps, err := v.Stamps(); err != nil || len(stamps) != 1 {
		t.Errorf("among other files: %v, %v", stamps, err)
	}
	for _, identity := range []string{"", "abc", "../layout", strings.Repeat("A", 12), strings.Repeat("a", 65), strings.Repeat("a", 12) + "\n"} {
		if _, err := v.Stamp(identity); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q was taken for an identity: %v", identity, err)
		}
	}
}

func TestReplaceLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	for _, target := range []string{"a", "a", "/nix/store/b", dir} {
		if err := ReplaceLink(target, link); err != nil {
			t.Fatal(err)
		}
		if now, err := os.Readlink(link); now != target {
			t.Errorf("it leads to %q, %v; want %q", now, err, target)
		}
	}
	// A file that an earlier process with the same PID left is no obstacle.
	if err := os.Symlink("old", filepath.Join(dir, fmt.Sprintf(".new-%d-link", os.Getpid()))); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceLink("c", link); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("beside the link there is %v", entries)
	}
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceLink("x", filepath.Join(dir, "directory")); err == nil {
		t.Error("a directory was replaced by a link")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("a failure left %v", entries)
	}
	if err := ReplaceLink("x", filepath.Join(dir, "none", "link")); err == nil {
		t.Error("a link was made in a directory that is not there")
	}
}

func TestWriteWholeKeepsTheOldFileOnFailure(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	for _, content := range []string{"one", "two"} {
		if err := writeAtomic(file, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(filepath.Join(dir, "directory"), []byte("x"), 0o644); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) > 0 {
		t.Errorf("%q were left", left)
	}
}

func TestRootImage(t *testing.T) {
	v := Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	s := agentapi.Stamp{Identity: strings.Repeat("a", 12), Nix: "/nix/store/n", Profile: "/nix/store/p", BaseSystem: "/nix/store/b"}
	plain := agentapi.Stamp{Identity: strings.Repeat("b", 12), Nix: "/nix/store/n", Profile: "/nix/store/p"}
	for _, stamp := range []agentapi.Stamp{s, s, plain} {
		if err := v.RootImage(stamp); err != nil {
			t.Fatal(err)
		}
	}
	for link, want := range map[string]string{
		s.Identity + "/nix": "/nix/store/n", s.Identity + "/profile": "/nix/store/p", s.Identity + "/base-system": "/nix/store/b",
		plain.Identity + "/nix": "/nix/store/n", plain.Identity + "/base-system": "",
	} {
		if target, _ := os.Readlink(v.State("gcroots/nixproxy/images", link)); target != want {
			t.Errorf("%s leads to %q, want %q", link, target, want)
		}
	}
}
