package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// A remedy without them would be of another volume, or of all.
func TestAdviceRepeatsTheFlags(t *testing.T) {
	_, stderr := said(t, "volume", "gc", "--volume", "my own", "-H", "unix:///none", "--keep-images", "0")
	if want := "`nixproxy --host=unix:///none '--volume=my own' volume rm` removes all"; !strings.Contains(stderr, want) {
		t.Errorf("no %s in %q", want, stderr)
	}

	a, _, err := parsed(t, "--volume", "v", "run", "true")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "stdout")
	if a.out, err = os.Create(file); err != nil {
		t.Fatal(err)
	}
	defer a.out.Close()
	found := agentapi.Verification{Broken: []agentapi.BrokenPath{{Path: "/nix/store/a", Problem: "missing", Hint: "`nixproxy run -- x` mends it"}}}
	if err := printVerification(a, found, false); err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile(file)
	if want := "/nix/store/a: missing; `nixproxy --volume=v run -- x` mends it\n"; err != nil || !strings.HasPrefix(string(report), want) {
		t.Errorf("got %q, %v", report, err)
	}
}
