package hoststore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestToolIsBesideWhatTheLinksLeadTo(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	script := []byte("#!/bin/sh\necho 'error: it is closed' >&2\nexit 1\n")
	err = errors.Join(os.Mkdir(dir+"/real", 0o755), os.Mkdir(dir+"/bin", 0o755),
		os.WriteFile(dir+"/real/nix", script, 0o755), os.WriteFile(dir+"/real/nix-store", script, 0o755),
		os.Symlink(dir+"/real/nix", dir+"/bin/nix"))
	if err != nil {
		t.Fatal(err)
	}
	tool, err := Tool(dir+"/bin/nix", "nix-store")
	if err != nil || tool != dir+"/real/nix-store" {
		t.Errorf("got %s, %v", tool, err)
	}
	if _, err := Tool(dir+"/bin/nix", "nix-build"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tool that is not there: %v", err)
	}
	if _, err := Tool(dir+"/none", "nix-store"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a nix that is not there: %v", err)
	}
	if _, err := Open(context.Background(), dir+"/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its store: %v", err)
	}
	_, err = Open(context.Background(), dir+"/bin/nix")
	if want := "asking the host's " + tool + ": it is closed"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
