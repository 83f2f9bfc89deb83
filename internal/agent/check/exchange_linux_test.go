package check

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/testtree"
)

// An old file goes on for who has it open, and a kill before the end leaves the
// whole of one or the other.
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
