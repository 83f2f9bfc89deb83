//go:build linux && acceptance

package test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

var syncToHost = operation{
	name: "to-host",
	argv: func(f *reliabilityFixture) []string { return f.onHost("nixproxy", "sync", "--to-host", f.image.Nix) },
	check: func(it *iteration) error {
		for _, check := range [][]string{{"nix-store", "--check-validity", it.image.Nix}, {"nix-store", "--verify", "--check-contents"}} {
			if output, err := it.Command(it.onHost(check...)...).CombinedOutput(); err != nil {
				return fmt.Errorf("the host's store: %w: %s", err, output)
			}
		}
		return nil
	},
}

// onHost is a command on a host with the other Nix, and a store of the iteration's own.
func (f *reliabilityFixture) onHost(argv ...string) []string {
	const script = `version=$1; shift; HOSTNIX_STORE=$PWD/hosts exec hostnix $version env NIXPROXY_NIX_VERSION=$NIXPROXY_NIX_VERSION "$@"`
	return append([]string{"sh", "-c", script, "sh", f.other.Version}, argv...)
}

var copying = operation{
	name: "cp",
	argv: func(f *reliabilityFixture) []string {
		return []string{"sh", "-c", "rm -rf copy && exec nixproxy cp " + f.image.Nix + " copy"}
	},
	check: func(it *iteration) error {
		files, err := os.ReadDir(it.Dir)
		if len(files) != 1 {
			err = errors.Join(err, fmt.Errorf("beside the copy there is more: %v", files))
		}
		return errors.Join(err, sameFiles(filepath.Join(it.image.Root, it.image.Nix), filepath.Join(it.Dir, "copy")))
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
