package check

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/testtree"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Only a path that a collector has begun to remove is found.
func TestHalfRemovedPaths(t *testing.T) {
	v, graph := testvolume.New(t), nixstore.Graph{}
	for name, mode := range map[string]os.FileMode{"whole": 0o555, "touched": 0o755, "half": 0o755, "running": 0o755, "rooted": 0o755, "needed": 0o755} {
		info := addPath(t, v, name, mode)
		if name == "rooted" {
			info.References = []nixstore.Path{storePathOf("needed")}
		}
		graph[info.Path] = info
	}
	for _, name := range []string{"half", "running", "rooted", "needed"} {
		if err := os.RemoveAll(v.Outside(string(storePathOf(name)) + "/b")); err != nil {
			t.Fatal(err)
		}
	}
	testtree.Make(t, v.Outside(nixstore.Dir), map[string]string{storePathOf("a-file").Base(): "", ".links/": "", "no-path/": ""})
	if err := os.Symlink(string(storePathOf("rooted")), v.State("gcroots/root")); err != nil {
		t.Fatal(err)
	}
	user := exec.Command("sleep", "60")
	user.Env = []string{"LIB=" + string(storePathOf("running"))}
	if err := user.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = user.Process.Kill(); _ = user.Wait() }()

	suspects, err := findWritable(v)
	slices.Sort(suspects)
	want := []nixstore.Path{storePathOf("half"), storePathOf("needed"), storePathOf("rooted"), storePathOf("running"), storePathOf("touched")}
	if err != nil || !slices.Equal(suspects, want) {
		t.Errorf("suspects are %q, %v", suspects, err)
	}
	if got := changedAndDead(v, graph, suspects); !slices.Equal(got, []nixstore.Path{storePathOf("half"), storePathOf("running")}) {
		t.Errorf("to be removed are %q", got)
	}
}
