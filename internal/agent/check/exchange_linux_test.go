package check

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/testtree"
)

// A process that has the old file open can go on reading it, and a kill leaves either the
// old or the new file complete.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	testtree.Make(t, dir, map[string]string{"old/file": "old", "new/file": "new", "only": "only"})
	open, err := os.Open(filepath.Join(dir, "old/file"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for with, path := range map[string]string{"new": "old", "only": "missing"} {
		if err := exchange(filepath.Join(dir, with), filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{"old/file": "new", "new/file": "old", "missing": "only"} {
		if content, err := os.ReadFile(filepath.Join(dir, file)); string(content) != want {
			t.Errorf("%s is %q, %v", file, content, err)
		}
	}
	if content, err := io.ReadAll(open); string(content) != "old" {
		t.Errorf("who had it open reads %q, %v", content, err)
	}
}
