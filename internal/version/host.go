package version

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// runTimeout bounds one `nix --version`, which takes some milliseconds where all is well.
const runTimeout = 10 * time.Second

// LookingVariable is set in the environment of every `nix --version` that Find starts. A
// `nix` on PATH that calls nixproxy would otherwise look for its own version without end.
const LookingVariable = "NIXPROXY_LOOKING_FOR_NIX"

// Cache keeps version lines between runs. A Save that fails is silent: it costs one `nix
// --version` next time.
type Cache interface {
	Load(key string) (string, bool)
	Save(key, value string)
}

// Host is what Find needs to know of the machine; Local fills it for the real one.
type Host struct {
	Getenv       func(key string) string
	Home         string // empty: the home directory's places are not searched
	Self         string // the running nixproxy, links resolved; a `nix` that is this file is skipped
	Stat         func(path string) (fs.FileInfo, error)
	EvalSymlinks func(path string) (string, error)
	ReadFile     func(path string) ([]byte, error)
	Run          func(ctx context.Context, binary string) (stdout string, err error) // binary --version
	Cache        Cache                                                               // may be nil
}

// Local returns the Host of this machine.
func Local(home, self string, cache Cache) Host {
	return Host{
		Getenv:       os.Getenv,
		Home:         home,
		Self:         self,
		Stat:         os.Stat,
		EvalSymlinks: filepath.EvalSymlinks,
		ReadFile:     os.ReadFile,
		Run:          runVersion,
		Cache:        cache,
	}
}

// Find returns the host's Nix: the first on PATH, else the first in the places where
// installers put it; false when there is none. It starts no process where the version is
// cached. A Nix that does not tell its version is an error, not skipped: silently taking
// another version than the user's is worse.
func (h Host) Find(ctx context.Context) (Nix, bool, error) {
	if h.Getenv(LookingVariable) != "" {
		return Nix{}, false, hint.Add(errors.New("looking for the host's Nix: a nix on PATH calls nixproxy"), nameVersion)
	}
	for _, path := range h.candidates() {
		file, ok := h.executable(path)
		if !ok {
			continue
		}
		nix, err := h.versionOf(ctx, file)
		if err != nil {
			return Nix{}, false, fmt.Errorf("asking %s for its version: %w", path, err)
		}
		nix.Binary = path
		return nix, true, nil
	}
	return Nix{}, false, nil
}

// Present returns the host's Nix as far as it is known without starting it: where it is,
// and its version if that is cached; false when there is none.
func (h Host) Present() (Nix, bool) {
	for _, path := range h.candidates() {
		if file, ok := h.executable(path); ok {
			nix, _ := h.cached(file.cacheKey())
			nix.Binary = path
			return nix, true
		}
	}
	return Nix{}, false
}

// candidates returns the paths where a nix may be, the first to try first. A relative
// entry of PATH, the empty one included, means another file in each directory and is not
// trusted.
func (h Host) candidates() []string {
	var paths []string
	for _, dir := range filepath.SplitList(h.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			paths = append(paths, filepath.Join(dir, "nix"))
		}
	}
	paths = append(paths, "/nix/var/nix/profiles/default/bin/nix", "/run/current-system/sw/bin/nix")
	if filepath.IsAbs(h.Home) {
		paths = append(paths,
			filepath.Join(h.Home, ".nix-profile/bin/nix"),
			filepath.Join(h.Home, ".local/state/nix/profile/bin/nix"))
	}
	return paths
}

// versionOf returns the version from the cache or, failing that, from the binary.
func (h Host) versionOf(ctx context.Context, file binary) (Nix, error) {
	key := file.cacheKey()
	if nix, ok := h.cached(key); ok {
		return nix, nil
	}
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	output, err := h.Run(ctx, file.path)
	if err != nil {
		return Nix{}, hint.Add(err, nameVersion)
	}
	nix, err := Parse(output)
	if err != nil {
		return Nix{}, err
	}
	if h.Cache != nil {
		h.Cache.Save(key, nix.Line)
	}
	return nix, nil
}

func (h Host) cached(key string) (Nix, bool) {
	if h.Cache == nil {
		return Nix{}, false
	}
	line, ok := h.Cache.Load(key)
	if !ok {
		return Nix{}, false
	}
	nix, err := Parse(line)
	return nix, err == nil
}
