package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestBuiltInside(t *testing.T) {
	dir := t.TempDir()
	path := "/nix/store/00000000000000000000000000000000-image"
	for name, target := range map[string]string{"result": path, "chain": "result"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"archive": 0o644, "executable": 0o755} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for file, want := range map[string]bool{"-": false, "result": true, "chain": true, path: true, "archive": false, "executable": false, "missing": false, ".": false} {
		if _, got := builtInside(dir, file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}

// Nothing of the last part is seen until it is released, however it came.
func TestHeldBack(t *testing.T) {
	whole := bytes.Repeat([]byte("0123456789"), 3*heldSize/10)
	for _, piece := range []int{1000, heldSize, heldSize + 1, len(whole)} {
		var to bytes.Buffer
		h := &heldBack{to: &to}
		for rest := whole; len(rest) > 0; {
			n := min(piece, len(rest))
			if _, err := h.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if to.Len() != len(whole)-heldSize {
			t.Errorf("in pieces of %d: %d of %d bytes are out", piece, to.Len(), len(whole))
		}
		if err := h.release(); err != nil || !bytes.Equal(to.Bytes(), whole) {
			t.Errorf("in pieces of %d: %v, %d bytes", piece, err, to.Len())
		}
	}
}
