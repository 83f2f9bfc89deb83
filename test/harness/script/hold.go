//go:build linux && acceptance

package script

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/test/harness/proc"
)

// hold VERSION: from now on the copy of that image's store into the script's volume
// stops in its middle, at the lock that Nix takes for each path that it brings.
// hold await: it has come there. hold end: it may go on.
func (s *Script) hold(args []string) error {
	switch {
	case len(args) != 1:
		return errors.New("want hold VERSION, hold await or hold end")
	case args[0] == "await":
		return s.awaitHeld()
	case args[0] == "end":
		return s.held.Close()
	}
	volume, err := s.engine.VolumeInspect(context.Background(), s.Getenv("NIXPROXY_VOLUME"))
	if err != nil {
		return err
	}
	_, nix, _ := strings.Cut(s.Getenv("HOSTNIX_"+strings.ReplaceAll(args[0], ".", "_")), ":")
	lock := filepath.Join(volume.Mountpoint, "store", filepath.Base(nix)+".lock")
	if s.held, err = os.OpenFile(lock, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	return unix.Flock(int(s.held.Fd()), unix.LOCK_EX)
}

// awaitHeld waits until a program has opened the lock: it cannot get further.
func (s *Script) awaitHeld() error {
	lock, err := s.held.Stat()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if proc.IsOpen(lock) {
			return nil
		}
	}
	return errors.New("no copy came to where it is held")
}
