package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("hi\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	got, err := inspect(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	// as `nix-hash --type sha256` and `nix-store --dump | wc -c` say
	if got.size != 120 || got.hash != "10551daed7fa467d0b58826e7eb9a0f2af7d693de319f2ef775fffcda244b9f6" {
		t.Errorf("inspect = %s, %d bytes", got.hash, got.size)
	}
}

func TestScannerFindsReferencesAcrossWrites(t *testing.T) {
	a, b := storePath("a"), storePath("b")
	known := map[string]string{hashPart(a): a, hashPart(b): b}
	text := strings.Repeat("x", 50) + a + strings.Repeat("\x00", 7) + "0" + hashPart(b)[1:]
	for size := 1; size <= len(text); size++ {
		s := newScanner(known)
		for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
			if _, err := s.Write([]byte(rest[:min(size, len(rest))])); err != nil {
				t.Fatal(err)
			}
		}
		if want := []string{a}; !reflect.DeepEqual(s.found(), want) {
			t.Fatalf("in writes of %d bytes found %v, want %v", size, s.found(), want)
		}
	}
}
