package check

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exchange puts a file or directory in the place of another in one step, and the other
// in its own place. It works without the other, too.
func exchange(with, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, with, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) {
		err = os.Rename(with, path)
	}
	return err
}
