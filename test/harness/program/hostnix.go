//go:build linux && acceptance

package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// hostnix is the program `hostnix VERSION|none CMD [ARG...]`: CMD runs with
// that real Nix as the host's, first on PATH and with its store at /nix, or on a
// host without a Nix. It all happens in a mount namespace of the program's own:
// the machine's /nix is neither written nor made. The store is read-only, unless
// HOSTNIX_STORE names a directory: then it is a copy that is kept there, one for
// each version.
func hostnix() {
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
	if err := enterRoot(root, bind); err != nil {
		fail("hostnix: %v", err)
	}
	if store != "" {
		os.Setenv("PATH", store+"/bin:"+os.Getenv("PATH"))
	}
	become(os.Args[2:])
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
