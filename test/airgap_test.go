package test

import (
	"path/filepath"
	"strings"
	"testing"
)

// What goes to another machine by files alone is the same there, and still when it
// comes back: an image has one identity in whatever engine and image store it is,
// so nothing that a volume brought is copied from the image again.
func TestAirGapBetweenEngines(t *testing.T) {
	for _, kind := range testEngines() {
		t.Run(kind, func(t *testing.T) {
			here, old := newPlace(t, theWorld.engine, "airgap-"+kind), theWorld.images[0].Version
			if err := theWorld.registry.push(repository(here)+old, old); err != nil {
				t.Fatal(err)
			}
			succeed(t, here, "--nix-version", old, "sync")
			there := here.with("DOCKER_HOST="+startEngine(t, kind).host, "NIXPROXY_STATE="+t.TempDir(), "NIXPROXY_PULL=never")
			carry(t, here, there)
			carry(t, there, here)
		})
	}
}

func repository(p *place) string { return theWorld.registry.open + "/" + p.volume + "/nixos/nix:" }

// carry brings the images and the volume of one machine to another.
func carry(t *testing.T, from, to *place) {
	t.Helper()
	dir := t.TempDir()
	images, archive := filepath.Join(dir, "images.tar"), filepath.Join(dir, "volume.tar.zst")
	old, mid := theWorld.images[0].Version, theWorld.images[1].Version
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

func succeed(t *testing.T, p *place, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	c := p.command(append([]string{"nixproxy"}, args...)...)
	c.Stdout, c.Stderr = &out, &err
	if failed := c.Run(); failed != nil {
		t.Fatalf("%q: %v\n%s", args, failed, &err)
	}
	return out.String(), err.String()
}
