package test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hold VERSION: from now on the copy of that image's store into the script's volume
// stops in its middle, at the lock that Nix takes for each path that it brings.
// hold await: it has come there. hold end: it may go on.
func (s *script) hold(args []string) error {
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
func (s *script) awaitHeld() error {
	lock, err := s.held.Stat()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(sooner); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if isOpen(lock) {
			return nil
		}
	}
	return errors.New("no copy came to where it is held")
}

// isOpen tells whether another program has a file open. What this one forks has all
// that it has, until it is another program.
func isOpen(file os.FileInfo) bool {
	self, _ := os.Readlink("/proc/self/exe")
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if program, _ := os.Readlink(filepath.Join(dir, "exe")); program == self {
			continue
		}
		open, _ := filepath.Glob(filepath.Join(dir, "fd/*"))
		for _, path := range open {
			if info, err := os.Stat(path); err == nil && os.SameFile(info, file) {
				return true
			}
		}
	}
	return false
}
