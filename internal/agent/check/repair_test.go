package check

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/testtree"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

func TestCopiesAreAsNixKeepsThem(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	testtree.Make(t, from, map[string]string{"bin/program": "x", "share/text": strings.Repeat("y", 100_000), "empty/": ""})
	if err := os.Chmod(filepath.Join(from, "bin/program"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("no/where", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	if err := copyPath(from, to); err != nil {
		t.Fatal(err)
	}
	want, _ := nixstore.NarHash(from, nixstore.Unwatched)
	if got, err := nixstore.NarHash(to, nixstore.Unwatched); got != want || err != nil {
		t.Errorf("it is not the same: %v", err)
	}
	var modes []string
	_ = filepath.WalkDir(to, func(path string, _ os.DirEntry, _ error) error {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if info.ModTime().Unix() != 1 {
			t.Errorf("%s is of %v", path, info.ModTime())
		}
		modes = append(modes, strings.TrimPrefix(path, to)+" "+info.Mode().String())
		return nil
	})
	if want := []string{" dr-xr-xr-x", "/bin dr-xr-xr-x", "/bin/program -r-xr-xr-x", "/empty dr-xr-xr-x", "/link Lrwxrwxrwx",
		"/share dr-xr-xr-x", "/share/text -r--r--r--"}; !slices.Equal(modes, want) {
		t.Errorf("got %q", modes)
	}
}

func TestMendTakesNoPathOfAnotherHash(t *testing.T) {
	v := layout.Volume(t.TempDir())
	testtree.Make(t, string(v), map[string]string{"store/" + pathA.Base(): "broken", "var/nixproxy/mend/left": "by a kill", "store/.links/good": "good"})
	if err := os.Link(v.Own("mend/left"), filepath.Join(string(v), "store/.links/left")); err != nil {
		t.Fatal(err)
	}
	repaired, err := repair(v, []agentapi.BrokenPath{{Path: pathA, NarHash: strings.Repeat("0", 64)}}, agentapi.NewTeller(&bytes.Buffer{}))
	if err != nil || repaired == nil || len(repaired) > 0 {
		t.Errorf("repaired %v, %v; want none, as a JSON list", repaired, err)
	}
	if content, _ := os.ReadFile(v.Outside(string(pathA))); string(content) != "broken" {
		t.Errorf("it has become %q", content)
	}
	if links, err := readNames(filepath.Join(string(v), "store/.links")); !slices.Equal(links, []string{"good"}) || err != nil {
		t.Errorf("links are %q, %v", links, err)
	}
	if _, err := os.Stat(v.Own("mend")); !os.IsNotExist(err) {
		t.Errorf("the directory for copies was left: %v", err)
	}
}

func TestLinksToWhatWasBrokenGo(t *testing.T) {
	v := layout.Volume(t.TempDir())
	testtree.Make(t, string(v), map[string]string{"store/.links/good": "good", "store/.links/broken": "broken", "beside/a/b": "alone"})
	for _, name := range []string{"broken", "good"} {
		for _, dir := range []string{"store/p-" + name, "beside/q-" + name} {
			if dir == "beside/q-good" {
				continue
			}
			if err := os.Link(filepath.Join(string(v), "store/.links", name), filepath.Join(string(v), dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := forgetLinks(v, filepath.Join(string(v), "beside")); err != nil {
		t.Fatal(err)
	}
	left, err := readNames(filepath.Join(string(v), "store/.links"))
	if !slices.Equal(left, []string{"good"}) || err != nil {
		t.Errorf("left are %q, %v", left, err)
	}
	if err := forgetLinks(v, filepath.Join(string(v), "none")); err == nil {
		t.Error("a directory that is not there was taken for an empty one")
	}
}
