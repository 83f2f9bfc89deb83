package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// formatVersion is raised whenever the same packages would give another image, so that cached
// ones are built again.
const formatVersion = 2

// profilePackages are what the image's profile offers; the rest of the store is their closure. It
// follows docker.nix of NixOS/nix, with what Debian splits off (xz, bzip2) and what tests like to
// call.
func profilePackages() []string {
	return []string{
		"nix-bin", "bash", "coreutils", "tar", "gzip", "bzip2", "xz-utils", "zstd", "grep", "sed", "mawk", "findutils", "diffutils",
		"patch", "procps", "debianutils", "curl", "less", "wget", "ca-certificates", "git", "openssh-client", "netbase", "jq",
	}
}

// unseen are needs that no header of a package's files tells. A need that a suite does not have
// is passed over.
func unseen() map[string][]string {
	return map[string][]string{
		"libc6":   {"libgcc-s1"},   // opened by pthread_exit; it needs libc6 in turn, so that the two become one store path
		"nix-bin": {"bash-static"}, // /bin/sh of a sandbox
	}
}

// leftOut tells the packages that the closure drags in but the image has no use for. Debian's
// Perl looks for its modules under /usr and is half the size of an image; git and nix do without.
func leftOut(name string) bool {
	return strings.Contains(name, "perl")
}

// storeName gives the name and version that a package has in the store: the package's own, except
// that nix's must look like upstream's, since programs read the version from there.
func storeName(pkg, version string) string {
	if pkg == "nix-bin" {
		return "nix-" + upstreamVersion(version)
	}
	return validName(pkg + "-" + withoutEpoch(version))
}

// keep tells whether a file belongs into the store. Documentation, translations and packaging are
// left out for size; what lies outside of the kept folders is Debian's system integration.
func keep(rel string) bool {
	top, rest, _ := strings.Cut(rel, "/")
	switch top {
	case "bin", "lib", "lib64", "libexec":
		return !strings.HasPrefix(rel, "lib/systemd/") && !strings.Contains(rel, "/gconv/") && !strings.HasPrefix(rel, "lib/udev/")
	case "share":
		return slices.ContainsFunc([]string{"git-core/", "ca-certificates/", "nix/"}, func(dir string) bool {
			return strings.HasPrefix(rest, dir)
		})
	case "etc":
		return rel == "etc/services" || rel == "etc/protocols"
	}
	return false
}

// candidates are the Debian suites that a name stands for; of several, the one with the highest
// nix-bin is taken.
func candidates(suite string) []string {
	switch suite {
	case "bookworm", "trixie":
		return []string{suite}
	case "newest":
		return []string{"forky", "sid"}
	}
	return nil
}

// recipeKey names everything that decides how an image is made, except for what Debian's archive
// holds today: a cached image stays good without asking the network.
func recipeKey(suite string, p platform) string {
	text, err := json.Marshal([]any{formatVersion, suite, p.debian, profilePackages(), unseen()})
	if err != nil {
		panic(err) // strings and numbers alone
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}
