//go:build !linux

package layout

import (
	"os"

	"golang.org/x/sys/unix"
)

func createUnnamed(string) (*os.File, error) { return nil, unix.EOPNOTSUPP }

func link(f *os.File, path string) error { return os.Link(f.Name(), path) }

func syncFileSystem(dir *os.File) error { return dir.Sync() }
