//go:build linux && acceptance

package test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// What goes to another machine by files alone is the same there, and still when it
// comes back: an image has one identity in whatever engine and image store it is,
// so nothing that a volume brought is copied from the image again.
func TestAirGapBetweenEngines(t *testing.T) {
	for _, kind := range engine.Kinds() {
		t.Run(kind, func(t *testing.T) {
			here, old := suite.NewProject(t, suite.Engine, "airgap-"+kind), suite.Images[0].Version
			if err := suite.Registry.Push(repository(here)+old, old); err != nil {
				t.Fatal(err)
			}
			succeed(t, here, "--nix-version", old, "sync")
			there := here.With("DOCKER_HOST="+engine.Start(t, kind).Host, "NIXPROXY_STATE="+t.TempDir(), "NIXPROXY_PULL=never")
			carry(t, here, there)
			carry(t, there, here)
		})
	}
}

func repository(p *fixture.Project) string {
	return suite.Registry.Open + "/" + p.Volume + "/nixos/nix:"
}

// carry brings the images and the volume of one machine to another.
func carry(t *testing.T, from, to *fixture.Project) {
	t.Helper()
	dir := t.TempDir()
	images, archive := filepath.Join(dir, "images.tar"), filepath.Join(dir, "volume.tar.zst")
	old, mid := suite.Images[0].Version, suite.Images[1].Version
	succeed(t, from, "image", "save", "-o", images, repository(from)+old, repository(from)+mid)
	succeed(t, from, "volume", "export", "-o", archive)

	loaded, _ := succeed(t, to, "image", "load", images)
	for _, version := range []string{old, mid} {
		if !strings.Contains(loaded, "/nixos/nix:"+version) {
			t.Errorf("loaded was %s", loaded)
		}
	}
	succeed(t, to, "volume", "import", archive)
	for _, version := range []string{old, mid} {
		said, noted := succeed(t, to, "--nix-version", version, "run", "--", "nix", "--version")
		if !strings.Contains(said, version) || strings.Contains(noted, "copying") {
			t.Errorf("the imported Nix %s is %s%s", version, said, noted)
		}
	}
	succeed(t, to, "run", "--", "nix-store", "--verify", "--check-contents")
}

func succeed(t *testing.T, p *fixture.Project, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	c := p.Command(append([]string{"nixproxy"}, args...)...)
	c.Stdout, c.Stderr = &out, &err
	if failed := c.Run(); failed != nil {
		t.Fatalf("%q: %v\n%s", args, failed, &err)
	}
	return out.String(), err.String()
}
