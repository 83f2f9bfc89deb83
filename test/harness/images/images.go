//go:build linux && acceptance

// Package images makes stand-ins for the images nixos/nix:<version>, of real Nix.
package images

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/test/harness"
)

// An Image is a stand-in for nixos/nix:<version>, as scripts/nix-image prints it.
type Image struct {
	Suite, Version, Archive string
	Root                    string // the image's files
	Nix                     string // its store path of Nix
}

// Build builds test images for an architecture, or finds them in the builder's cache.
func Build(arch string, suites ...string) ([]Image, error) {
	build := exec.Command("go", append([]string{"run", "./scripts/nix-image", "--arch", arch}, suites...)...)
	build.Dir = harness.RepositoryPath(".")
	build.Stderr = os.Stderr
	output, err := build.Output()
	if err != nil {
		return nil, fmt.Errorf("building the test images: %w", err)
	}
	var images []Image
	for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
		var i Image
		if err := decoder.Decode(&i); err != nil {
			return nil, fmt.Errorf("reading the list of test images: %w", err)
		}
		images = append(images, i)
	}
	if len(images) != len(suites) {
		return nil, fmt.Errorf("%d test images, not %d", len(images), len(suites))
	}
	return images, nil
}

// StorePaths lists the store paths of an image.
func StorePaths(i Image) []string {
	paths, _ := filepath.Glob(filepath.Join(i.Root, "nix/store/*-*"))
	for n, path := range paths {
		paths[n] = strings.TrimPrefix(path, i.Root)
	}
	return paths
}
