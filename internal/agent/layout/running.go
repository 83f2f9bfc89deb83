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

// temporaryRoots returns the paths that running Nix processes protect from collectors.
// Each process lists its paths in a file that is named by its PID and locked as long as
// it runs. A zero byte ends each path.
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

// locked tells whether any process holds a lock on a file, shared or exclusive.
func locked(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(filelock.Try(f, filelock.Exclusive), filelock.ErrHeld)
}

var storePathForm = regexp.MustCompile(`/nix/store/[0-9a-z]+-[0-9a-zA-Z+\-._?=]+`)

// processRoots returns the paths that processes run, have open or mapped, have as their
// working directory, or name in their environment (findRuntimeRoots in NixOS/nix
// src/libstore/gc.cc).
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

// pathsOf returns the store paths in what /proc shows of a process, as far as this
// process may read it.
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
