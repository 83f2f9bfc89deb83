package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// A Volume is nixproxy's part of a /nix volume, by the directory that it is
// mounted at.
type Volume string

// InPlace is the volume for a process that has it at /nix, and Alternate for one that
// has an image's own store there.
const (
	InPlace   = Volume(agentapi.Nix)
	Alternate = Volume(agentapi.AlternateNix)
)

// Own is the path of something that is nixproxy's.
func (v Volume) Own(parts ...string) string {
	return filepath.Join(append([]string{string(v), "var/nixproxy"}, parts...)...)
}

// State is the path of something in Nix's own state.
func (v Volume) State(parts ...string) string {
	return filepath.Join(append([]string{string(v), "var/nix"}, parts...)...)
}

// DefaultProfile is what an image's PATH and certificate variables go through. It
// lies in the volume and belongs to the user, so a session goes around it.
const DefaultProfile = "/nix/var/nix/profiles/default"

// Home is the directory in which every session on the volume has its HOME.
func (v Volume) Home() string { return v.Own("home") }

// HomeProfiles is where Nix keeps the profiles of the sessions' user.
func (v Volume) HomeProfiles() string { return filepath.Join(v.Home(), ".local/state/nix/profiles") }

// ProjectRoots is the directory of the roots that the projects of a host hold, and
// without a host where those of all hosts are.
func (v Volume) ProjectRoots(host string) string { return v.State("gcroots/nixproxy/projects", host) }

// Prepare makes a new volume ours, and checks one that is not new. A volume
// with another layout, or with content that nixproxy did not make, is an error,
// and nothing in it is touched.
func (v Volume) Prepare() error {
	ours, err := v.Ours()
	if err != nil {
		return err
	}
	if ours {
		return v.furnish()
	}
	// The layout comes first: a kill right after it leaves a volume that is known to be ours.
	if err := os.MkdirAll(v.Own(), 0o755); err != nil {
		return err
	}
	if err := writeAtomic(v.Own("layout"), []byte(agentapi.Layout+"\n"), 0o644); err != nil {
		return err
	}
	return v.furnish()
}

// Ours tells whether a volume was prepared. The error says why it cannot be.
func (v Volume) Ours() (bool, error) {
	layout, err := os.ReadFile(v.Own("layout"))
	if errors.Is(err, os.ErrNotExist) {
		return false, v.checkEmpty()
	}
	if err != nil {
		return false, fmt.Errorf("reading its layout: %w", err)
	}
	if made := strings.TrimSpace(string(layout)); made != agentapi.Layout {
		return false, fmt.Errorf("it has layout %q and this nixproxy knows %s: use the nixproxy that made it, or another --volume", made, agentapi.Layout)
	}
	return true, nil
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
		v.Own("images"): 0o755, v.Home(): 0o700, v.State("profiles"): 0o755, v.ImageRoots(""): 0o755,
		v.ProjectRoots(""): 0o755, v.State("gcroots/auto"): 0o755, v.Own("pins"): 0o755,
	} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return err
		}
	}
	// Nix makes this link when the directory is missing, and a Nix that sees the
	// volume beside its own store would make it point there
	// (LocalStore::LocalStore in NixOS/nix src/libstore/local-store.cc).
	return ReplaceLink("/nix/var/nix/profiles", v.State("gcroots/profiles"))
}
