// Package nixstore deals with a Nix store from outside: its paths and archives, the graph
// in its database, and the requests that a Nix answers about it (serve.go).
package nixstore

import (
	"fmt"
	"strings"
)

// Dir is the store's directory: the same in every image, in the volume, and on every host
// that shares store paths with others.
const Dir = "/nix/store"

// A Path is a store path: a name in Dir, such as
// /nix/store/ib3sh3pcz10wsmavxvkdbayhqivbghlq-glibc-2.40.
type Path string

const (
	digestLength = 32
	digestChars  = "0123456789abcdfghijklmnpqrsvwxyz" // Nix's base 32 (NixOS/nix src/libutil/base-nix-32.cc)
	maxName      = 211                                // NixOS/nix src/libstore/path.cc
	nameChars    = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-._?="
)

// ParsePath checks that s is a store path, and not a file in one.
func ParsePath(s string) (Path, error) {
	path, below, err := Split(s)
	if err == nil && below != "" {
		err = fmt.Errorf("%s is a file in store path %s", s, path)
	}
	return path, err
}

// Split splits s into a store path and the file in it; below starts with a slash, or is
// empty.
func Split(s string) (path Path, below string, err error) {
	rest, ok := strings.CutPrefix(s, Dir+"/")
	base, after, deeper := strings.Cut(rest, "/")
	digest, name, named := strings.Cut(base, "-")
	if !ok || !named || len(digest) != digestLength || !only(digest, digestChars) ||
		name == "" || name == "." || name == ".." || len(name) > maxName || !only(name, nameChars) {
		return "", "", fmt.Errorf("%q is not a store path", s)
	}
	if deeper {
		below = "/" + after
	}
	return Path(Dir + "/" + base), below, nil
}

// Base returns the path without its directory.
func (p Path) Base() string { return strings.TrimPrefix(string(p), Dir+"/") }

// Name returns the path without directory and digest, as people know it.
func (p Path) Name() string {
	_, name, _ := strings.Cut(p.Base(), "-")
	return name
}

func only(s, chars string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(chars, r) }) < 0
}
