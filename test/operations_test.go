package test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// An operation is what nixproxy does to a volume, and may be interrupted in.
type operation struct {
	name string
	full bool // it begins with two images in the volume, else with one
	// removes: what it was removing when the power was lost may be valid, and not
	// whole, until nixproxy comes again. Nix writes its database to the disk last.
	removes bool
	// prepare changes the volume first; nil: it is good as it is.
	prepare func(*round) error
	argv    func(*laboratory) []string
	// holds tells whether all is there that a success of it promises.
	holds func(*round) error
}

// killed are those in which processes are killed: all that take long.
var killed = []operation{imageSync, hostSync, exporting, importing, collecting, toHost, copyingOut, mending}

// writing are those that write to the volume.
var writing = []operation{build, imageSync, hostSync, importing, collecting, collectingByHand}

// filling are those that may find no space for what they write.
var filling = []operation{imageSync, hostSync, importing}

var imageSync = operation{
	name:  "image-sync",
	argv:  func(l *laboratory) []string { return []string{"nixproxy", "--nix-version", l.other.Version, "sync"} },
	holds: (*round).hasBoth,
}

var hostSync = operation{
	name: "host-sync",
	argv: func(l *laboratory) []string {
		return []string{"hostnix", l.other.Version, "nixproxy", "--nix-version", l.image.Version, "sync", l.other.Nix}
	},
	holds: func(r *round) error {
		_, err := os.Lstat(r.laboratory.volumePath(r.volume, "var/nix/gcroots/nixproxy/sync", filepath.Base(r.other.Nix)))
		return errors.Join(err, missing([]string{r.other.Nix}, r.valid))
	},
}

var exporting = operation{
	name: "export",
	full: true,
	argv: func(*laboratory) []string { return []string{"nixproxy", "volume", "export", "-o", "volume.tar.zst"} },
	holds: func(r *round) error {
		want, err := os.ReadFile(r.archive)
		got, err2 := os.ReadFile(filepath.Join(r.dir, "volume.tar.zst"))
		if !bytes.Equal(got, want) {
			err2 = errors.Join(err2, fmt.Errorf("the archive is another: %d bytes, and not %d", len(got), len(want)))
		}
		files, err3 := os.ReadDir(r.dir)
		if len(files) != 1 {
			err3 = errors.Join(err3, fmt.Errorf("beside the archive there is more: %v", files))
		}
		return errors.Join(err, err2, err3)
	},
}

var importing = operation{
	name:  "import",
	argv:  func(l *laboratory) []string { return []string{"nixproxy", "volume", "import", l.archive} },
	holds: (*round).hasBoth,
}

var collecting = operation{
	name:    "gc",
	full:    true,
	removes: true,
	argv: func(l *laboratory) []string {
		return []string{"nixproxy", "--nix-version", l.image.Version, "volume", "gc", "--keep-images", "1"}
	},
	holds: (*round).hasOne,
}

// collectingByHand is the user's own way.
var collectingByHand = operation{
	name:    "gc-by-hand",
	full:    true,
	removes: true,
	prepare: (*round).letGo,
	argv:    func(*laboratory) []string { return []string{"nixproxy", "run", "--", "nix-collect-garbage"} },
	holds:   (*round).hasOne,
}

// letGo makes garbage of the other image's store.
func (r *round) letGo() error {
	stamps, err := filepath.Glob(r.laboratory.volumePath(r.volume, "var/nixproxy/images/*.json"))
	for _, stamp := range stamps {
		content, err2 := os.ReadFile(stamp)
		if err = errors.Join(err, err2); !bytes.Contains(content, []byte(r.other.Nix)) {
			continue
		}
		identity := strings.TrimSuffix(filepath.Base(stamp), ".json")
		err = errors.Join(err, os.Remove(stamp), os.RemoveAll(r.laboratory.volumePath(r.volume, "var/nix/gcroots/nixproxy/images", identity)))
	}
	return err
}

var mending = operation{
	name:    "mend",
	full:    true,
	prepare: (*round).damage,
	argv:    func(*laboratory) []string { return []string{"nixproxy", "volume", "verify", "--repair"} },
	holds:   (*round).hasBoth,
}

// damage makes some paths of both images' stores other than they were registered,
// and takes some away.
func (r *round) damage() (err error) {
	for n, path := range append(storeOf(r.image), storeOf(r.other)...) {
		switch files, _ := filepath.Glob(r.laboratory.volumePath(r.volume, path[len("/nix/"):], "bin/*")); {
		case n%8 == 0:
			err = errors.Join(err, os.RemoveAll(r.laboratory.volumePath(r.volume, path[len("/nix/"):])))
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
	argv: func(*laboratory) []string {
		const script = `(sleep 60 | nix-store --serve >/dev/null 2>&1) & sleep 0.3; nix-build --no-out-link --option substituters "" -E "$0"`
		return []string{"nixproxy", "run", "--", "sh", "-c", script, manyFiles}
	},
	holds: func(r *round) error { return missing([]string{r.stdout}, r.valid) },
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
func (r *round) hasBoth() error {
	stamps, err := filepath.Glob(r.laboratory.volumePath(r.volume, "var/nixproxy/images/*.json"))
	if len(stamps) != 2 {
		err = errors.Join(err, fmt.Errorf("%d stamps", len(stamps)))
	}
	return errors.Join(err, missing(storeOf(r.other), r.valid))
}

// hasOne tells whether nothing is there that the first image does not need.
func (r *round) hasOne() error {
	if err := missing(r.valid, r.before); err != nil {
		return fmt.Errorf("not collected: %w", err)
	}
	return nil
}

// storeOf lists the store paths of an image.
func storeOf(i nixImage) []string {
	paths, _ := filepath.Glob(filepath.Join(i.Root, "nix/store/*-*"))
	for n, path := range paths {
		paths[n] = strings.TrimPrefix(path, i.Root)
	}
	return paths
}
