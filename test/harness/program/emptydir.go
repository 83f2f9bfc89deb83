//go:build linux && acceptance

package program

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// emptyDir is the program `emptydir DIR CMD [ARG...]`: CMD sees another,
// empty directory at DIR, and the engine still the one that is there. So it is
// for an engine in a virtual machine with which DIR is not shared.
func emptyDir() {
	runtime.LockOSThread()
	dir, err := filepath.Abs(os.Args[1])
	if err != nil {
		fail("emptydir: %v", err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		fail("emptydir: %v", err)
	}
	err = errors.Join(privateMounts(), unix.Mount("none", dir, "tmpfs", 0, "mode=755"), os.Chdir(cwd))
	if err != nil {
		fail("emptydir: %v", err)
	}
	become(os.Args[2:])
}
