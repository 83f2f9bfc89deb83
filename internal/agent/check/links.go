package check

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// forgetLinks removes the store's links to the files of a directory. By those links equal
// files are one (auto-optimise-store), and a broken file must not become part of other
// paths.
func forgetLinks(v layout.Volume, dir string) error {
	broken := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		var s unix.Stat_t
		err = unix.Lstat(path, &s)
		if s.Nlink > 1 {
			broken[s.Ino] = true
		}
		return err
	})
	if err != nil || len(broken) == 0 {
		return err
	}
	links := v.Outside(nixstore.Dir + "/.links")
	names, err := readNames(links)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, name := range names {
		var s unix.Stat_t
		path := filepath.Join(links, name)
		if unix.Lstat(path, &s) == nil && broken[s.Ino] {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
