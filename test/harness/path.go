//go:build linux && acceptance

package harness

import (
	"os"
	"path/filepath"
)

// RepositoryPath is a path below the repository's top directory, which is found from
// the working directory: tests begin in their package's.
func RepositoryPath(path string) string {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return filepath.Join(dir, path)
		}
		dir = filepath.Dir(dir)
	}
	return path
}
