package nixconf

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestNetrc(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, size int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		file("small", 9): 9, file("empty", 0): 0, file("most", maxNetrc): maxNetrc, filepath.Join(dir, "none"): 0, "": 0, "relative": 0,
	} {
		if content, err := Netrc(path); err != nil || len(content) != want {
			t.Errorf("%s: %d bytes, %v", path, len(content), err)
		}
	}
	for path, want := range map[string]string{
		file("large", maxNetrc+1): "is larger than 1048576 bytes", dir: "is no regular file", pipe: "is no regular file", filepath.Join(dir, "small/x"): "not a directory",
	} {
		content, err := Netrc(path)
		if err == nil || len(content) > 0 || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "reading the netrc file of the host's Nix: ") {
			t.Errorf("%s: %d bytes, %v", path, len(content), err)
		}
	}
}
