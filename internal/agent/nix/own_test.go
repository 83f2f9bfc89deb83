package nix

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// The volume's own Nix is that of the image that was synced last and still has it.
func TestFindOwn(t *testing.T) {
	v := testvolume.New(t)
	if _, err := FindOwn(v); err == nil || hint.Of(err) == "" {
		t.Errorf("without a stamp: %v", err)
	}
	dir := t.TempDir()
	for name, synced := range map[string]string{"a": "2026-01-01T00:00:00Z", "b": "2026-01-02T00:00:00Z", "c": "2026-01-03T00:00:00Z"} {
		s := agentapi.Stamp{Identity: strings.Repeat(name, 12), Nix: filepath.Join(dir, name), Profile: "/x", Synced: synced, Settings: []string{"own = " + name}}
		if err := v.WriteStamp(s); err != nil {
			t.Fatal(err)
		}
		if name == "c" {
			continue // its Nix is gone
		}
		bin := filepath.Join(s.Nix, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, "nix-store"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own, err := FindOwn(v)
	if err != nil {
		t.Fatal(err)
	}
	c := own.Command(t.Context(), "nix-store", "--gc")
	if c.Path != filepath.Join(dir, "b/bin/nix-store") || !strings.Contains(strings.Join(c.Env, "\n"), "\nown = b\nbuild-users-group =\n") {
		t.Errorf("%s with %q", c.Path, c.Env)
	}
}
