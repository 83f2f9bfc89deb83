//go:build linux && acceptance

package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/test/harness/images"
)

// Whoever sends a store path, and whatever was looked at before: one whose archive
// has another hash than is told is refused by each Nix, by name, and is not valid
// afterwards; the true one then is taken.
func TestAnotherHashIsRefused(t *testing.T) {
	const path = nixstore.Path("/nix/store/00000000000000000000000000000000-one")
	right, other := narOf(t, "one"), narOf(t, "two")
	info := nixstore.Info{Path: path, NarSize: int64(len(right)), NarHash: fmt.Sprintf("sha256:%x", sha256.Sum256(right))}
	for _, image := range suite.Images {
		t.Run(image.Version, func(t *testing.T) {
			root := t.TempDir()
			add := func(archive []byte) error {
				store := serve(t, image, root)
				defer store.Close()
				return store.Add(info, bytes.NewReader(archive))
			}
			if err := add(other); err == nil || !strings.Contains(err.Error(), "hash mismatch") || !strings.Contains(err.Error(), string(path)) {
				t.Errorf("another archive: %v", err)
			}
			if valid := validIn(t, image, root, path); len(valid) != 0 {
				t.Errorf("%s is valid", valid)
			}
			if err := add(right); err != nil {
				t.Errorf("the true archive: %v", err)
			}
			if valid := validIn(t, image, root, path); len(valid) != 1 {
				t.Error("the true archive is not valid")
			}
		})
	}
}

func narOf(t *testing.T, content string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	var archive bytes.Buffer
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := nixstore.WriteArchive(&archive, file); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// serve opens a store below root with the image's Nix.
func serve(t *testing.T, image images.Image, root string) *nixstore.Server {
	t.Helper()
	t.Setenv("HOSTNIX_"+strings.ReplaceAll(image.Version, ".", "_"), image.Root+":"+image.Nix)
	t.Setenv("NIX_CONFIG", "build-users-group =")
	store, err := nixstore.Serve(exec.Command("hostnix", image.Version, "nix-store", "--store", "local?root="+root, "--serve", "--write"))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func validIn(t *testing.T, image images.Image, root string, path nixstore.Path) []nixstore.Path {
	t.Helper()
	store := serve(t, image, root)
	defer store.Close()
	valid, err := store.Valid([]nixstore.Path{path}, false)
	if err != nil {
		t.Fatal(err)
	}
	return valid
}
