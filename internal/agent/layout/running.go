package layout

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// temporaryRoots are the paths that Nix processes have told collectors to leave
// alone: a file for each, named by its PID and locked as long as it runs, with
// paths that end in a zero byte.
func (v Volume) temporaryRoots() []agentapi.Root {
	var roots []agentapi.Root
	files, _ := filepath.Glob(v.State("temproots", "*"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || !locked(file) {
			continue
		}
		for path := range bytes.SplitSeq(content, []byte{0}) {
			if path, err := nixstore.ParsePath(string(path)); err == nil {
				roots = append(roots, agentapi.Root{Origin: agentapi.OriginRunning, Link: "/proc/" + filepath.Base(file), Path: path})
			}
		}
	}
	return roots
}

// locked tells if somebody holds a lock on a file, be it a shared one.
func locked(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(filelock.Try(f, filelock.Exclusive), filelock.ErrHeld)
}

var storePathForm = regexp.MustCompile(`/nix/store/[0-9a-z]+-[0-9a-zA-Z+\-._?=]+`)

// processRoots are the paths that processes run, have open or mapped, stand in,
// or have in their environment (findRuntimeRoots in NixOS/nix src/libstore/gc.cc).
func processRoots() []agentapi.Root {
	var roots []agentapi.Root
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		for path := range pathsOf(dir) {
			roots = append(roots, agentapi.Root{Origin: agentapi.OriginRunning, Link: dir, Path: path})
		}
	}
	return roots
}

// pathsOf finds the store paths in all that a process shows, as far as this one
// may see it.
func pathsOf(dir string) nixstore.Set {
	var shown []byte
	links, _ := filepath.Glob(filepath.Join(dir, "fd/*"))
	for _, link := range append(links, filepath.Join(dir, "exe"), filepath.Join(dir, "cwd")) {
		target, _ := os.Readlink(link)
		shown = append(append(shown, target...), 0)
	}
	for _, file := range []string{"maps", "environ"} {
		content, _ := os.ReadFile(filepath.Join(dir, file))
		shown = append(shown, content...)
	}
	paths := nixstore.Set{}
	for _, found := range storePathForm.FindAll(shown, -1) {
		if path, _, err := nixstore.Split(string(found)); err == nil {
			paths[path] = true
		}
	}
	return paths
}
