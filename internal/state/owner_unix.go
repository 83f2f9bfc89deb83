//go:build unix

package state

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// currentUser returns the effective user, who owns the files that nixproxy writes.
func currentUser() user {
	return user{
		uid:      os.Geteuid(),
		owner:    ownerOf,
		writable: func(path string) bool { return unix.Access(path, unix.W_OK) == nil },
		temp:     os.TempDir(),
	}
}

func ownerOf(path string) (int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return ownerIn(info)
}

func ownerIn(info fs.FileInfo) (int, error) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s has no owner", info.Name())
	}
	return int(stat.Uid), nil
}

// openPlain opens a file for reading. It refuses a link, and does not block on a pipe.
func openPlain(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}
