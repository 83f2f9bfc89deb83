package project

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// within tells whether path is dir or below it. Both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// refuse is an error for a mount that would hide what a session needs of its image or of the kernel: anything below
// the system's directories, and the directories themselves that an image must have.
func refuse(path string) error {
	for _, dir := range []string{"/nix", "/etc", "/proc", "/sys", "/dev", "/bin", "/sbin", "/usr", "/lib", "/lib64", "/private/etc"} {
		if within(path, dir) {
			return fmt.Errorf("%s cannot be mounted: the container has a %s of its own: start in another directory", path, dir)
		}
	}
	for _, dir := range []string{"/root", "/tmp", "/private/tmp"} {
		if path == dir {
			return fmt.Errorf("%s itself cannot be mounted: start in a directory below it", path)
		}
	}
	return nil
}

// privateDirs are the home directory and all directories above it, the nearest first.
type privateDirs []string

// privateDirs takes a home that does not exist as it is written.
func (sys System) privateDirs(home string) privateDirs {
	resolved, err := sys.real(home)
	if err != nil {
		resolved = filepath.Clean("/" + home)
	}
	dirs := privateDirs{resolved}
	for dir := resolved; dir != "/"; {
		dir = filepath.Dir(dir)
		dirs = append(dirs, dir)
	}
	return dirs
}

// why says in which way path is private; empty when it is not. Another name of the same directory (a bind mount) is
// seen too.
func (p privateDirs) why(path string) string {
	info, err := os.Stat(path)
	for i, dir := range p {
		other, otherErr := os.Stat(dir)
		same := err == nil && otherErr == nil && os.SameFile(info, other)
		switch {
		case path != dir && !same:
		case dir == "/":
			return "the root directory"
		case i == 0:
			return "the home directory"
		default:
			return "above the home directory"
		}
	}
	return ""
}
