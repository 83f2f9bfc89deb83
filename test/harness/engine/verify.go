//go:build linux && acceptance

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/mount"
)

// Verify has the Nix of an image check all of a volume, past nixproxy, and
// returns what is valid in it. Anything that Nix has to mend is an error.
func (m *Machine) Verify(image, volume string) (valid []string, err error) {
	const script = `nix-store --verify --check-contents 2>&1; echo status $?; nix --extra-experimental-features nix-command path-info --all`
	output, err := m.Run(image, []mount.Mount{{Type: mount.TypeVolume, Source: volume, Target: "/nix"}}, "sh", "-c", script)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(output) {
		switch line = strings.TrimSpace(line); {
		case filepath.Dir(line) == "/nix/store":
			valid = append(valid, line)
		case line != "status 0" && !slices.Contains(verifySaysWhenClean, line):
			err = errors.Join(err, fmt.Errorf("verifying it: %s", line))
		}
	}
	return valid, err
}

// verifySaysWhenClean is what `nix-store --verify` says when all is well.
var verifySaysWhenClean = []string{"reading the Nix store...", "checking path existence...", "checking link hashes...", "checking store hashes..."}

// Temporary lists what is in a volume and should not stay: names in the store
// that are not valid, and those of half-written files.
func (m *Machine) Temporary(volume string, valid []string) (left []string, err error) {
	entries, err := os.ReadDir(m.VolumePath(volume, "store"))
	for _, e := range entries {
		if e.Name() != ".links" && !slices.Contains(valid, "/nix/store/"+e.Name()) {
			left = append(left, "store/"+e.Name())
		}
	}
	for _, dir := range []string{"var/nixproxy", "var/nix/gcroots", "var/nix/profiles"} {
		walk := fs.WalkDir(os.DirFS(m.VolumePath(volume)), dir, func(path string, e fs.DirEntry, err error) error {
			if strings.HasPrefix(e.Name(), ".") || strings.Contains(e.Name(), "tmp") {
				left = append(left, path)
			}
			if e.Name() == "home" {
				return fs.SkipDir
			}
			return err
		})
		err = errors.Join(err, walk)
	}
	return left, err
}

// ExpectValid are those of some paths that are not among others.
func ExpectValid(wanted, from []string) error {
	lost := slices.DeleteFunc(slices.Clone(wanted), func(path string) bool { return slices.Contains(from, path) })
	if len(lost) > 0 {
		return fmt.Errorf("%d of %d paths are not valid: %q", len(lost), len(wanted), lost)
	}
	return nil
}
