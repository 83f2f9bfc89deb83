package nixstore

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestNarHash(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("hi\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	read := 0
	got, err := NarHash(file, func(n int) error { read += n; return nil })
	// As `nix-hash --type sha256` and `nix-store --dump | wc -c` say.
	if err != nil || got != "10551daed7fa467d0b58826e7eb9a0f2af7d693de319f2ef775fffcda244b9f6" || read != 120 {
		t.Errorf("got %s of %d bytes, %v", got, read, err)
	}
}

// Two files have different hashes exactly if their archives differ.
func TestNarHashDiffersWithTheArchive(t *testing.T) {
	hashes := map[string]string{}
	hash := func(name string, make func(path string) error) string {
		path := filepath.Join(t.TempDir(), "x")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		h, err := NarHash(path, Unwatched)
		if err != nil {
			t.Fatal(name, err)
		}
		return h
	}
	file := func(content string, mode os.FileMode) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(content), mode) }
	}
	in := func(name string, entry func(string) error) func(string) error {
		return func(path string) error {
			if err := os.Mkdir(path, 0o755); err != nil {
				return err
			}
			return entry(filepath.Join(path, name))
		}
	}
	for name, make := range map[string]func(string) error{
		"a file": file("12345678", 0o644), "another": file("12345679", 0o644), "a longer one": file("12345678\x00", 0o644), "empty": file("", 0o644),
		"a program": file("12345678", 0o755), "a link": func(p string) error { return os.Symlink("12345678", p) },
		"a directory": in("a", file("", 0o644)), "by another name": in("b", file("", 0o644)),
		"large": file(strings.Repeat("x", 200_001), 0o644),
	} {
		h := hash(name, make)
		if other, same := hashes[h]; same {
			t.Errorf("%s and %s have one hash", name, other)
		}
		hashes[h] = name
	}
	if hash("readable", file("12345678", 0o644)) != hash("not", file("12345678", 0o400)) {
		t.Error("who may read it is no part of a file")
	}
}

func TestNarHashRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NarHash(dir, Unwatched); err == nil || !strings.Contains(err.Error(), "pipe is neither") {
		t.Errorf("a pipe: %v", err)
	}
	if _, err := NarHash(filepath.Join(dir, "none"), Unwatched); !os.IsNotExist(err) {
		t.Errorf("what is not there: %v", err)
	}
}
