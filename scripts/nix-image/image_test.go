package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// tree makes a small file system; order and time must not show in what is written of it.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, rel := range names {
		if err := writeTree(root, map[string]string{rel: "text of " + rel}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeTree(root, map[string]string{"tmp/": ""}, map[string]string{"etc/passwd": "/nix/store/x/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	return root
}

func layerBytes(t *testing.T, root string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layer")
	if err := writeLayer(file, root, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLayerIsDeterministic(t *testing.T) {
	a := layerBytes(t, tree(t, "nix/store/b/f", "nix/store/a/f"))
	b := layerBytes(t, tree(t, "nix/store/a/f", "nix/store/b/f"))
	if !bytes.Equal(a, b) {
		t.Error("equal trees give different layers")
	}
	var names []string
	for archive := tar.NewReader(bytes.NewReader(a)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !header.ModTime.Equal(time.Unix(1, 0)) {
			t.Errorf("%s has time %s", header.Name, header.ModTime)
		}
		names = append(names, header.Name)
	}
	want := []string{"etc/", "etc/passwd", "nix/", "nix/store/", "nix/store/a/", "nix/store/a/f", "nix/store/b/", "nix/store/b/f", "tmp/"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("names are %v, want %v", names, want)
	}
}

func TestWriteImage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := writeImage(file, tree(t, "nix/store/a/f"), "nixos/nix:1.2.3", "arm64", environment("arm64", true), []string{"/bash"}); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("nixos/nix:1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(file, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != "arm64" || len(config.RootFS.DiffIDs) != 2 || !reflect.DeepEqual(config.Config.Env, environment("arm64", true)) {
		t.Errorf("the image's configuration is %+v", config)
	}
	if left, _ := filepath.Glob(file + ".layer*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
