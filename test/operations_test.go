//go:build linux && acceptance

package test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/images"
)

// An operation is what nixproxy does to a volume, and may be interrupted in.
type operation struct {
	name string
	full bool // it begins with two images in the volume, else with one
	// removes: what it was removing when the power was lost may be valid, and not
	// whole, until nixproxy comes again. Nix writes its database to the disk last.
	removes bool
	// prepare changes the volume first; nil: it is good as it is.
	prepare func(*iteration) error
	argv    func(*reliabilityFixture) []string
	// holds tells whether all is there that a success of it promises.
	check func(*iteration) error
}

// killed are those in which processes are killed: all that take long.
var killed = []operation{imageSync, hostSync, exporting, importing, gc, syncToHost, copying, repairing}

// writing are those that write to the volume.
var writing = []operation{build, imageSync, hostSync, importing, gc, gcByHand}

// filling are those that may find no space for what they write.
var filling = []operation{imageSync, hostSync, importing}

var imageSync = operation{
	name: "image-sync",
	argv: func(f *reliabilityFixture) []string {
		return []string{"nixproxy", "--nix-version", f.other.Version, "sync"}
	},
	check: (*iteration).hasBoth,
}

var hostSync = operation{
	name: "host-sync",
	argv: func(f *reliabilityFixture) []string {
		return []string{"hostnix", f.other.Version, "nixproxy", "--nix-version", f.image.Version, "sync", f.other.Nix}
	},
	check: func(it *iteration) error {
		_, err := os.Lstat(it.reliabilityFixture.VolumePath(it.Volume, "var/nix/gcroots/nixproxy/sync", filepath.Base(it.other.Nix)))
		return errors.Join(err, engine.ExpectValid([]string{it.other.Nix}, it.valid))
	},
}

var exporting = operation{
	name: "export",
	full: true,
	argv: func(*reliabilityFixture) []string {
		return []string{"nixproxy", "volume", "export", "-o", "volume.tar.zst"}
	},
	check: func(it *iteration) error {
		want, err := os.ReadFile(it.archive)
		got, err2 := os.ReadFile(filepath.Join(it.Dir, "volume.tar.zst"))
		if !bytes.Equal(got, want) {
			err2 = errors.Join(err2, fmt.Errorf("the archive is another: %d bytes, and not %d", len(got), len(want)))
		}
		files, err3 := os.ReadDir(it.Dir)
		if len(files) != 1 {
			err3 = errors.Join(err3, fmt.Errorf("beside the archive there is more: %v", files))
		}
		return errors.Join(err, err2, err3)
	},
}

var importing = operation{
	name:  "import",
	argv:  func(f *reliabilityFixture) []string { return []string{"nixproxy", "volume", "import", f.archive} },
	check: (*iteration).hasBoth,
}

var gc = operation{
	name:    "gc",
	full:    true,
	removes: true,
	argv: func(f *reliabilityFixture) []string {
		return []string{"nixproxy", "--nix-version", f.image.Version, "volume", "gc", "--keep-images", "1"}
	},
	check: (*iteration).hasOne,
}

// gcByHand is the user's own way.
var gcByHand = operation{
	name:    "gc-by-hand",
	full:    true,
	removes: true,
	prepare: (*iteration).dropOther,
	argv:    func(*reliabilityFixture) []string { return []string{"nixproxy", "run", "--", "nix-collect-garbage"} },
	check:   (*iteration).hasOne,
}

// dropOther makes garbage of the other image's store.
func (it *iteration) dropOther() error {
	stamps, err := filepath.Glob(it.reliabilityFixture.VolumePath(it.Volume, "var/nixproxy/images/*.json"))
	for _, stamp := range stamps {
		content, err2 := os.ReadFile(stamp)
		if err = errors.Join(err, err2); !bytes.Contains(content, []byte(it.other.Nix)) {
			continue
		}
		identity := strings.TrimSuffix(filepath.Base(stamp), ".json")
		err = errors.Join(err, os.Remove(stamp), os.RemoveAll(it.reliabilityFixture.VolumePath(it.Volume, "var/nix/gcroots/nixproxy/images", identity)))
	}
	return err
}

var repairing = operation{
	name:    "mend",
	full:    true,
	prepare: (*iteration).damage,
	argv:    func(*reliabilityFixture) []string { return []string{"nixproxy", "volume", "verify", "--repair"} },
	check:   (*iteration).hasBoth,
}

// damage makes some paths of both images' stores other than they were registered,
// and takes some away.
func (it *iteration) damage() (err error) {
	for n, path := range append(images.StorePaths(it.image), images.StorePaths(it.other)...) {
		switch files, _ := filepath.Glob(it.reliabilityFixture.VolumePath(it.Volume, path[len("/nix/"):], "bin/*")); {
		case n%8 == 0:
			err = errors.Join(err, os.RemoveAll(it.reliabilityFixture.VolumePath(it.Volume, path[len("/nix/"):])))
		case n%2 == 0 && len(files) > 0:
			err = errors.Join(err, os.Remove(files[0]), os.WriteFile(files[0], []byte("x"), 0o555)) // other volumes may share it
		}
	}
	return err
}

// build is not an operation of nixproxy's, but one that goes through it. Another
// process has the database open meanwhile, so that its log is not emptied, and so
// written to disk, when the build closes it.
var build = operation{
	name: "build",
	argv: func(*reliabilityFixture) []string {
		const script = `(sleep 60 | nix-store --serve >/dev/null 2>&1) & sleep 0.3; nix-build --no-out-link --option substituters "" -E "$0"`
		return []string{"nixproxy", "run", "--", "sh", "-c", script, manyFiles}
	},
	check: func(it *iteration) error { return engine.ExpectValid([]string{it.stdout}, it.valid) },
}

// manyFiles is a derivation with others before it, each of many small files.
const manyFiles = `
let
  build = name: input: derivation {
    inherit name input;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    PATH = "/nix/var/nix/profiles/default/bin";
    args = [ "-c" "mkdir $out; i=0; while [ $i -lt 300 ]; do echo $name $i >$out/$i; i=$((i+1)); done" ];
  };
in build "last" (build "second" (build "first" "none"))`

// hasBoth tells whether the stores of both images are there, and their stamps.
func (it *iteration) hasBoth() error {
	stamps, err := filepath.Glob(it.reliabilityFixture.VolumePath(it.Volume, "var/nixproxy/images/*.json"))
	if len(stamps) != 2 {
		err = errors.Join(err, fmt.Errorf("%d stamps", len(stamps)))
	}
	return errors.Join(err, engine.ExpectValid(images.StorePaths(it.other), it.valid))
}

// hasOne tells whether nothing is there that the first image does not need.
func (it *iteration) hasOne() error {
	if err := engine.ExpectValid(it.valid, it.before); err != nil {
		return fmt.Errorf("not collected: %w", err)
	}
	return nil
}
