//go:build linux && acceptance

package program

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// noSockets is the program `nosockets CMD [ARG...]`: CMD runs where nothing
// is to be found in /run, no engine's socket either.
func noSockets() {
	runtime.LockOSThread()
	err := errors.Join(privateMounts(), unix.Mount("none", "/run", "tmpfs", 0, ""))
	if err != nil {
		fail("nosockets: %v", err)
	}
	become(os.Args[1:])
}
