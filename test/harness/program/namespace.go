//go:build linux && acceptance

package program

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// enterRoot moves this thread, and what it becomes, into a root file system that
// is the machine's own but for /nix, which is the image's, or missing when image
// is empty.
func enterRoot(image string, bind func(from, to string) error) error {
	runtime.LockOSThread()
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	root, err := os.MkdirTemp(os.Getenv("HOME"), ".hostnix-") // empty for all others, and removed with the test's HOME
	if err != nil {
		return err
	}
	if err := errors.Join(privateMounts(), unix.Mount("none", root, "tmpfs", 0, "mode=755")); err != nil {
		return err
	}
	if err := bindTopLevel(root); err != nil {
		return err
	}
	if image != "" {
		if err := bind(filepath.Join(image, "nix"), filepath.Join(root, "nix")); err != nil {
			return err
		}
	}
	return errors.Join(unix.Chroot(root), os.Chdir(cwd))
}

func privateMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("making a mount namespace (it takes root): %w", err)
	}
	return unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

func bindTopLevel(root string) error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, e := range entries {
		from, to := "/"+e.Name(), filepath.Join(root, e.Name())
		switch {
		case e.Name() == "nix":
		case e.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(from)
			err = os.Symlink(target, to)
		case e.IsDir():
			err = errors.Join(os.Mkdir(to, 0o755), unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""))
		}
		if err != nil {
			return fmt.Errorf("bringing %s along: %w", from, err)
		}
	}
	return nil
}

func bindReadOnly(from, to string) error {
	return errors.Join(os.Mkdir(to, 0o755), unix.Mount(from, to, "", unix.MS_BIND, ""),
		unix.Mount("none", to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
}

func bindWritable(from, to string) error {
	return errors.Join(os.Mkdir(to, 0o755), unix.Mount(from, to, "", unix.MS_BIND, ""))
}
