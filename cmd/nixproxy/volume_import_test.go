package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// A shell's <(command) is a pipe with a name, which cannot be read twice.
func TestWhatCannotBeReadTwiceIsKept(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	if err := errors.Join(unix.Mkfifo(pipe, 0o600), os.WriteFile(file, []byte("an archive"), 0o600)); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(pipe, []byte("an archive"), 0) }()
	a := newApp(strings.NewReader("an archive"), os.Stdout, os.Stderr)
	for name, called := range map[string]string{pipe: pipe, file: file, "-": "standard input"} {
		got, f, err := a.seekable(t.Context(), name)
		if err != nil || got != called {
			t.Fatalf("%s: %q, %v", name, got, err)
		}
		for range 2 {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if content, err := io.ReadAll(f); string(content) != "an archive" {
				t.Errorf("%s: %q, %v", name, content, err)
			}
		}
		f.Close()
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left is %v", left)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	if _, _, err := a.seekable(t.Context(), "-"); err == nil || hint.Of(err) != "TMPDIR names another directory" {
		t.Error(err)
	}
}
