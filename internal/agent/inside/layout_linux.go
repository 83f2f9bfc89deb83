package inside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agent"
)

// A Volume is nixproxy's part of a /nix volume, by the directory that it is
// mounted at.
type Volume string

func (v Volume) own(parts ...string) string {
	return filepath.Join(append([]string{string(v), "var/nixproxy"}, parts...)...)
}

func (v Volume) state(parts ...string) string {
	return filepath.Join(append([]string{string(v), "var/nix"}, parts...)...)
}

// Home is the directory in which every session on the volume has its HOME.
func (v Volume) Home() string { return v.own("home") }

// Prepare makes a new volume ours, and checks one that is not new. A volume
// with another layout, or with content that nixproxy did not make, is an error,
// and nothing in it is touched.
func (v Volume) Prepare() error {
	switch layout, err := os.ReadFile(v.own("layout")); {
	case err == nil && strings.TrimSpace(string(layout)) != agent.Layout:
		return fmt.Errorf("it has layout %q and this nixproxy knows %s: use the nixproxy that made it, or another --volume",
			strings.TrimSpace(string(layout)), agent.Layout)
	case err == nil:
		return v.furnish()
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("reading its layout: %w", err)
	}
	if err := v.checkEmpty(); err != nil {
		return err
	}
	// The layout comes first: a kill right after it leaves a volume that is known to be ours.
	if err := os.MkdirAll(v.own(), 0o755); err != nil {
		return err
	}
	if err := writeWhole(v.own("layout"), []byte(agent.Layout+"\n"), 0o644); err != nil {
		return err
	}
	return v.furnish()
}

// checkEmpty accepts what a kill of Prepare can leave, and nothing else.
func (v Volume) checkEmpty() error {
	for dir, known := range map[string][]string{string(v): {"var", "lost+found"}, filepath.Join(string(v), "var"): {"nixproxy"}} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if !slices.Contains(known, e.Name()) {
				return fmt.Errorf("it holds %s and no layout of nixproxy's: it was filled by something else; use another --volume", filepath.Join("/nix", strings.TrimPrefix(dir, string(v)), e.Name()))
			}
		}
	}
	return nil
}

// furnish makes the directories that everything else counts on.
func (v Volume) furnish() error {
	for dir, mode := range map[string]os.FileMode{
		v.own("images"): 0o755, v.Home(): 0o700, v.state("profiles"): 0o755, v.state("gcroots/nixproxy/images"): 0o755,
		v.state("gcroots/nixproxy/projects"): 0o755, v.state("gcroots/auto"): 0o755, v.own("pins"): 0o755,
	} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return err
		}
	}
	// Nix makes this link when the directory is missing, and a Nix that sees the
	// volume beside its own store would make it point there
	// (LocalStore::LocalStore in NixOS/nix src/libstore/local-store.cc).
	return replaceLink("/nix/var/nix/profiles", v.state("gcroots/profiles"))
}

// writeWhole puts a file in place whole or not at all, and onto the disk.
func writeWhole(path string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a rename it is not there
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// replaceLink makes a symbolic link, or changes it in one step.
func replaceLink(target, path string) error {
	if old, err := os.Readlink(path); err == nil && old == target {
		return nil
	}
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".new-%d-%s", os.Getpid(), filepath.Base(path)))
	_ = os.Remove(beside) // of an earlier process with our number
	if err := os.Symlink(target, beside); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		_ = os.Remove(beside)
		return err
	}
	return nil
}
