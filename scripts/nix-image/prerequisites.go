package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// prerequisites are the files whose absence means that a package is missing on a bare Debian
// machine.
func prerequisites() map[string]string {
	return map[string]string{
		"dpkg-deb": "dpkg",
		"patchelf": "patchelf",
		"unshare":  "util-linux",
		"mount":    "mount",
		"chroot":   "coreutils",
		keyring:    "debian-archive-keyring",
	}
}

// installPrerequisites installs what is missing, and touches nothing when all is there.
func installPrerequisites(ctx context.Context, stderr io.Writer) error {
	if os.Geteuid() != 0 {
		return errors.New("this needs root, to own store paths and to enter the image; run it with sudo")
	}
	var missing []string
	for file, pkg := range prerequisites() {
		if _, err := exec.LookPath(file); err != nil && !exists(file) {
			missing = append(missing, pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintln(stderr, "nix-image: installing", strings.Join(missing, " "))
	install := append([]string{"install", "-y", "--no-install-recommends"}, missing...)
	if _, err := output(ctx, "apt-get", install...); err == nil {
		return nil
	}
	if _, err := output(ctx, "apt-get", "update"); err != nil {
		return fmt.Errorf("reading Debian's package lists: %w", err)
	}
	if _, err := output(ctx, "apt-get", install...); err != nil {
		return fmt.Errorf("installing %s: %w", strings.Join(missing, " "), err)
	}
	return nil
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}
