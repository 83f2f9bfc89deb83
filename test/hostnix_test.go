package test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// hostnixMain is the program `hostnix VERSION|none CMD [ARG...]`: CMD runs with
// that real Nix as the host's, first on PATH and with its store at /nix, or on a
// host without a Nix. It all happens in a mount namespace of the program's own:
// the machine's /nix is neither written nor made. The store is read-only, unless
// HOSTNIX_STORE names a directory: then it is a copy that is kept there, one for
// each version.
func hostnixMain() {
	if len(os.Args) < 3 {
		fail("hostnix: want hostnix VERSION|none CMD [ARG...]")
	}
	nix := ""
	if os.Args[1] != "none" {
		nix = os.Getenv("HOSTNIX_" + strings.ReplaceAll(os.Args[1], ".", "_"))
		if nix == "" {
			fail("hostnix: there is no Nix %s among the test images", os.Args[1])
		}
	}
	os.Unsetenv("NIXPROXY_NIX_VERSION")
	root, store, _ := strings.Cut(nix, ":") // the image's root : the store path of its Nix
	bind := bindReadOnly
	if stores := os.Getenv("HOSTNIX_STORE"); stores != "" && root != "" {
		dir := filepath.Join(stores, os.Args[1])
		if err := copyStore(root, dir); err != nil {
			fail("hostnix: %v", err)
		}
		root, bind = dir, bindWritable
	}
	if err := enterWith(root, bind); err != nil {
		fail("hostnix: %v", err)
	}
	if store != "" {
		os.Setenv("PATH", store+"/bin:"+os.Getenv("PATH"))
	}
	become(os.Args[2:])
}

// nosocketsMain is the program `nosockets CMD [ARG...]`: CMD runs where nothing
// is to be found in /run, no engine's socket either.
func nosocketsMain() {
	runtime.LockOSThread()
	err := errors.Join(privateMounts(), unix.Mount("none", "/run", "tmpfs", 0, ""))
	if err != nil {
		fail("nosockets: %v", err)
	}
	become(os.Args[1:])
}

func fail(format string, a ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", a...)
	os.Exit(99)
}

func become(argv []string) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		fail("%v", err)
	}
	fail("%s: %v", path, unix.Exec(path, argv, os.Environ()))
}

// enterWith moves this thread, and what it becomes, into a root file system that
// is the machine's own but for /nix, which is the image's, or missing when image
// is empty.
func enterWith(image string, bind func(from, to string) error) error {
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

// copyStore copies an image's /nix, unless that was done before. Store paths are
// hard links, where that can be: nobody writes into one that is there.
func copyStore(image, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "nix")); err == nil {
		return nil
	}
	output, err := exec.Command("sh", "-c", `set -e; mkdir -p "$2/new"; cd "$1/nix"
		cp -al store "$2/new/" 2>/dev/null || cp -a store "$2/new/"
		cp -a var "$2/new/"; mv -T "$2/new" "$2/nix"`, "sh", image, dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copying the store: %w: %s", err, output)
	}
	return nil
}

// listing is what a directory of the machine holds, with times and modes, and
// that it is not there at all.
func listing(dir string) []string {
	var lines []string
	for _, pattern := range []string{dir, dir + "/*", dir + "/var/*", dir + "/var/nix/*"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if info, err := os.Lstat(path); err == nil {
				lines = append(lines, fmt.Sprint(path, info.Mode(), info.ModTime()))
			}
		}
	}
	return lines
}

// sameListing says if the tests touched what is the machine's own.
func sameListing(dir string, before []string) error {
	if now := listing(dir); !reflect.DeepEqual(before, now) {
		return fmt.Errorf("the machine's own %s has changed: was %q, is %q", dir, before, now)
	}
	return nil
}
