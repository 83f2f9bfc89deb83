package maintenance

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

func TestLinkState(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(os.Mkdir(path("empty"), 0o755), os.WriteFile(path("file"), nil, 0o644), os.Mkdir(path("closed"), 0o755),
		os.Symlink("/nix/store/x/bin", path("result")), os.Symlink("/elsewhere", path("other")))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]agentapi.LinkState{
		"result": agentapi.LinkThere, "other": agentapi.LinkGone, "file": agentapi.LinkGone, "none": agentapi.LinkGone, "closed": agentapi.LinkGone,
		"empty/result": agentapi.LinkAway, "missing/result": agentapi.LinkAway, "file/result": agentapi.LinkAway,
	} {
		if got := linkState(path(name)); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestRealAsFarAsThere(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err == nil {
		err = errors.Join(os.Mkdir(filepath.Join(dir, "real"), 0o755), os.Symlink("real", filepath.Join(dir, "link")))
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"real": "real", "link": "real", "link/gone/deep": "real/gone/deep", "gone/link": "gone/link"} {
		if got := realAsFarAsThere(filepath.Join(dir, path)); got != filepath.Join(dir, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}
