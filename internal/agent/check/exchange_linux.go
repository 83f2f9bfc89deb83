package check

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// replace puts a file or directory in the place of another one, if there is one,
// in one step, and leaves that in its own.
func exchange(with, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, with, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) {
		err = os.Rename(with, path)
	}
	return err
}
