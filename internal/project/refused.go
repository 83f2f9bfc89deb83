package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// within reports whether path is dir or below it. Both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// hides returns the directory of the system that a mount at path would hide, or an empty
// string. A session needs these from its image, the kernel or the agent: some with all
// that is below them, others themselves.
func hides(path string) string {
	for _, dir := range []string{
		"/nix", "/nixproxy", "/etc", "/proc", "/sys", "/dev", "/bin", "/sbin", "/usr", "/lib", "/lib64", "/private/etc",
		"/root/.nix-profile", "/root/.nix-defexpr", "/root/.nix-channels",
	} {
		if within(path, dir) {
			return dir
		}
	}
	if slices.Contains([]string{"/", "/root", "/tmp", "/var", "/var/tmp", "/run", "/private", "/private/tmp"}, path) {
		return path
	}
	return ""
}

// privateDirs are the home directory and all directories above it, the nearest first.
type privateDirs []string

// privateDirs returns them. A home that does not exist is taken as it is written.
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

// reason says why path is private; empty when it is not. Another name of the same
// directory (a bind mount) counts too.
func (p privateDirs) reason(path string) string {
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
