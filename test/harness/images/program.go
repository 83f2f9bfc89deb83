//go:build linux && acceptance

package images

import (
	"fmt"
	"os/exec"
)

// EnsureProgram installs a package if what it brings is missing.
func EnsureProgram(name, pkg string) error {
	if _, err := exec.LookPath(name); err == nil {
		return nil
	}
	install := exec.Command("apt-get", "install", "-y", "--no-install-recommends", pkg)
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("installing %s: %w\n%s", pkg, err, output)
	}
	return nil
}
