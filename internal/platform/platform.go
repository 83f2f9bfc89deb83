// Package platform reads the names of platforms: what people type, what engines
// say, and the one form that all of nixproxy uses, os/arch or os/arch/variant in
// Go's words, such as linux/arm64.
package platform

import (
	"errors"
	"strings"

	"github.com/containerd/platforms"
)

// Parse returns the name of a Linux platform in the one form, for what a person
// types: linux/arm64, arm64, aarch64, linux/arm64/v8, x86_64, or Nix's x86_64-linux.
func Parse(text string) (string, error) {
	// The library takes the first of several parts for an OS, and one part alone for
	// an architecture of this machine's OS, which is not Linux on a Mac.
	text = strings.TrimSuffix(text, "-linux")
	if first, _, _ := strings.Cut(text, "/"); isArch(first) {
		text = "linux/" + text
	}
	p, err := platforms.Parse(text)
	p = platforms.Normalize(p)
	if err != nil || p.OS != "linux" || p.OSVersion != "" || !strings.Contains(text, "/") || !isArch(p.Architecture) {
		return "", errors.New("it is not a Linux platform, such as linux/amd64, linux/arm64, x86_64 or aarch64")
	}
	return platforms.Format(p), nil
}

// isArch tells whether the library knows an architecture: alone it is then one of
// this machine's OS.
func isArch(name string) bool {
	p, err := platforms.Parse(name)
	want := platforms.Normalize(platforms.Platform{OS: p.OS, Architecture: name})
	return err == nil && p.OSVersion == "" && p.Architecture == want.Architecture
}

// Split returns the parts of a platform's name, in the same words whoever wrote
// it. Those that it does not have are empty.
func Split(name string) (os, arch, variant string) {
	if name == "" {
		return "", "", ""
	}
	p, err := platforms.Parse(name)
	if err != nil {
		return "", "", ""
	}
	p = platforms.Normalize(p)
	return p.OS, p.Architecture, p.Variant
}
