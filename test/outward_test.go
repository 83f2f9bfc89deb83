package test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// What takes store paths out of a volume is an operation on this machine: of the
// volume it only reads.

var toHost = operation{
	name: "to-host",
	argv: func(l *laboratory) []string { return l.onHost("nixproxy", "sync", "--to-host", l.image.Nix) },
	holds: func(r *round) error {
		for _, check := range [][]string{{"nix-store", "--check-validity", r.image.Nix}, {"nix-store", "--verify", "--check-contents"}} {
			if output, err := r.command(r.onHost(check...)...).CombinedOutput(); err != nil {
				return fmt.Errorf("the host's store: %w: %s", err, output)
			}
		}
		return nil
	},
}

// onHost is a command on a host with the other Nix, and a store of the round's own.
func (l *laboratory) onHost(argv ...string) []string {
	const script = `version=$1; shift; HOSTNIX_STORE=$PWD/hosts exec hostnix $version env NIXPROXY_NIX_VERSION=$NIXPROXY_NIX_VERSION "$@"`
	return append([]string{"sh", "-c", script, "sh", l.other.Version}, argv...)
}

var copyingOut = operation{
	name: "cp",
	argv: func(l *laboratory) []string {
		return []string{"sh", "-c", "rm -rf copy && exec nixproxy cp " + l.image.Nix + " copy"}
	},
	holds: func(r *round) error {
		files, err := os.ReadDir(r.dir)
		if len(files) != 1 {
			err = errors.Join(err, fmt.Errorf("beside the copy there is more: %v", files))
		}
		return errors.Join(err, sameFiles(filepath.Join(r.image.Root, r.image.Nix), filepath.Join(r.dir, "copy")))
	},
}

// sameFiles tells whether a copy has all regular files of a tree.
func sameFiles(tree, copied string) error {
	return filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		below, _ := filepath.Rel(tree, path)
		want, err := os.ReadFile(path)
		got, err2 := os.ReadFile(filepath.Join(copied, below))
		if !bytes.Equal(got, want) {
			err2 = errors.Join(err2, fmt.Errorf("%s is another", below))
		}
		return errors.Join(err, err2)
	})
}
