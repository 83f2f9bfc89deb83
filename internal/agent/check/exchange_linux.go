package check

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exchange swaps two files or directories in one step. If the second does not exist, it
// renames the first.
func exchange(with, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, with, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) {
		err = os.Rename(with, path)
	}
	return err
}
