//go:build linux && acceptance

package proc

import (
	"os"
	"path/filepath"
)

// IsOpen tells whether another program has a file open. What this one forks has all
// that it has, until it is another program.
func IsOpen(file os.FileInfo) bool {
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
