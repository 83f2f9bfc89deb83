package agentapi

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestFacts(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.WriteFile(dir+"/file", []byte("one"), 0o644),
		os.WriteFile(dir+"/large", make([]byte, small+1), 0o644),
		os.Mkdir(dir+"/sub", 0o755),
		os.Symlink("gone\xff", dir+"/link"),
		os.Symlink("loop", dir+"/loop"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	view := View{Path: dir, Names: []string{"file", "large", "sub", "link", "loop", "gone", "file/x", "loop/x"}}
	want := []string{"directory", "file of 3 bytes, 7692c3ad3540bb80", "file of 65537 bytes", "directory", `link to "gone\xff"`, `link to "loop"`, Nothing, Nothing, Unknown}
	if got := view.Facts(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := os.WriteFile(dir+"/file", []byte("two"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := view.Facts(); got[1] == want[1] {
		t.Errorf("another content of the same size is %q too", got[1])
	}
	for path, want := range map[string]string{"sub": "empty directory", "gone": Nothing, "file": "file of 3 bytes, ", "link": "link to"} {
		if got := (View{Path: filepath.Join(dir, path)}).Facts(); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s itself: %q", path, got)
		}
	}
}
