package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// cache is the folder that keeps images and downloads from one run to the next.
type cache struct {
	dir string
}

// result is what the caller is told of an image.
//
// Root's nix folder can be bound at /nix in a mount namespace, to give a host this Nix. Let the
// writes go elsewhere (an overlay, a copy): the cache is shared. Such a host lacks the image's
// users and the shell of Debian's sandbox, so give it NIX_CONFIG with "build-users-group =" and
// "sandbox = false".
type result struct {
	Suite   string `json:"suite"`
	Arch    string `json:"arch"`    // amd64, arm64
	Version string `json:"version"` // as nix --version says it; the image is nixos/nix:<version>
	Archive string `json:"archive"` // for docker load
	Root    string `json:"root"`    // the file system, unpacked
	Nix     string `json:"nix"`     // store path of nix
}

// info is what the cache remembers of an image.
type info struct {
	Key     string `json:"key"`
	Suite   string `json:"suite"`
	Version string `json:"version"`
	Nix     string `json:"nix"`
}

// openCache uses $NIXPROXY_TEST_CACHE; by default a folder in the user's cache.
func openCache() (cache, error) {
	dir := os.Getenv("NIXPROXY_TEST_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return cache{}, fmt.Errorf("finding the cache (set NIXPROXY_TEST_CACHE): %w", err)
		}
		dir = filepath.Join(base, "nixproxy-test")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return cache{}, err
	}
	return cache{dir}, os.MkdirAll(filepath.Join(dir, "images"), 0o755)
}

// ensure gives the suite's image, building it if the cache has none of this recipe. Parallel runs
// wait for each other.
func ensure(ctx context.Context, c cache, suite string, p platform, opts options, stderr io.Writer) (result, error) {
	dir := filepath.Join(c.dir, "images", suite+"-"+p.debian)
	unlock, err := filelock.Acquire(ctx, filepath.Join(c.dir, "images", "."+suite+"-"+p.debian+".lock"), filelock.Exclusive)
	if err != nil {
		return result{}, fmt.Errorf("waiting for another nix-image: %w", err)
	}
	defer unlock()
	key := recipeKey(suite, p)
	if have, err := readInfo(dir); err == nil && have.Key == key && !opts.force {
		return describe(dir, p, have), nil
	}
	if err := installPrerequisites(ctx, stderr); err != nil {
		return result{}, err
	}
	help, err := helpFor(ctx, c, suite, p, opts, stderr)
	if err != nil {
		return result{}, err
	}
	made, err := buildBeside(ctx, c, dir, suite, p, help, opts, key, stderr)
	if err != nil {
		return result{}, err
	}
	return describe(dir, p, made), nil
}

// helpFor gives the suite's Nix for the machine's own architecture, where p is another: the
// database is the same on all, and emulation would be slow.
func helpFor(ctx context.Context, c cache, suite string, p platform, opts options, stderr io.Writer) (*runnable, error) {
	own, err := choosePlatform(ctx, "")
	if err != nil || own == p {
		return nil, err
	}
	opts.force = false
	native, err := ensure(ctx, c, suite, own, opts, stderr)
	if err != nil {
		return nil, fmt.Errorf("making the image for %s first: %w", own.debian, err)
	}
	return &runnable{native.Root, native.Nix}, nil
}

// buildBeside builds in a folder of its own and then takes dir's place, so that dir is always
// whole.
func buildBeside(ctx context.Context, c cache, dir, suite string, p platform, help *runnable, opts options, key string, stderr io.Writer) (info, error) {
	beside, old := dir+".building", dir+".old"
	if err := errors.Join(os.RemoveAll(beside), os.RemoveAll(old)); err != nil {
		return info{}, err
	}
	defer os.RemoveAll(old)
	defer os.RemoveAll(beside)
	made, err := build(ctx, beside, filepath.Join(c.dir, "apt"), suite, p, help, opts, stderr)
	if err != nil {
		return info{}, err
	}
	made.Key = key
	if err := writeInfo(beside, made); err != nil {
		return info{}, err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return info{}, err
	}
	return made, os.Rename(beside, dir)
}

func describe(dir string, p platform, i info) result {
	return result{Suite: i.Suite, Arch: p.debian, Version: i.Version, Nix: i.Nix,
		Archive: filepath.Join(dir, "image.tar"), Root: filepath.Join(dir, "root")}
}

func readInfo(dir string) (info, error) {
	var i info
	text, err := os.ReadFile(filepath.Join(dir, "info.json"))
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal(text, &i)
}

func writeInfo(dir string, i info) error {
	text, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "info.json"), append(text, '\n'), 0o644)
}
