package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// A Volume is a /nix volume, by the directory that it is mounted at.
type Volume string

// InPlace is the volume for a process that has it mounted at /nix. Alternate is the
// volume in the alternate root, for a process that has an image's own store at /nix.
const (
	InPlace   = Volume(agentapi.Nix)
	Alternate = Volume(agentapi.AlternateNix)
)

// Own returns a path in nixproxy's own directory.
func (v Volume) Own(parts ...string) string {
	return filepath.Join(append([]string{string(v), "var/nixproxy"}, parts...)...)
}

// State returns a path in Nix's own state directory.
func (v Volume) State(parts ...string) string {
	return filepath.Join(append([]string{string(v), "var/nix"}, parts...)...)
}

// DefaultProfile is the profile that an image's PATH and certificate variables name. It
// is in the volume and belongs to the user, so a session names the image's store paths
// instead.
const DefaultProfile = "/nix/var/nix/profiles/default"

// Home returns the HOME of all sessions on the volume.
func (v Volume) Home() string { return v.Own("home") }

// HomeProfiles returns the directory of the profiles of the sessions' user.
func (v Volume) HomeProfiles() string { return filepath.Join(v.Home(), ".local/state/nix/profiles") }

// ProjectRoots returns the directory of the roots for the projects of a host, or without
// a host the directory of all hosts.
func (v Volume) ProjectRoots(host string) string { return v.State("gcroots/nixproxy/projects", host) }

// Prepare makes a new volume nixproxy's own, and checks one that is not new. A volume
// with another layout, or with content that nixproxy did not make, is an error, and is
// left as it is.
func (v Volume) Prepare() error {
	ours, err := v.Ours()
	if err != nil {
		return err
	}
	if ours {
		return v.furnish()
	}
	// The layout comes first: a kill right after it leaves a volume that is known as ours.
	if err := os.MkdirAll(v.Own(), 0o755); err != nil {
		return err
	}
	if err := writeAtomic(v.Own("layout"), []byte(agentapi.Layout+"\n"), 0o644); err != nil {
		return err
	}
	return v.furnish()
}

// Ours reports whether a volume was prepared. An error says why it cannot be.
func (v Volume) Ours() (bool, error) {
	layout, err := os.ReadFile(v.Own("layout"))
	if errors.Is(err, os.ErrNotExist) {
		return false, v.checkEmpty()
	}
	if err != nil {
		return false, fmt.Errorf("reading its layout: %w", err)
	}
	if made := strings.TrimSpace(string(layout)); made != agentapi.Layout {
		return false, hint.Add(fmt.Errorf("it has layout %q and this nixproxy knows %s", made, agentapi.Layout), "use the nixproxy that made it, or another --volume")
	}
	return true, nil
}

// checkEmpty accepts an empty volume, and what a kill of Prepare can leave in one.
func (v Volume) checkEmpty() error {
	for dir, known := range map[string][]string{string(v): {"var", "lost+found"}, filepath.Join(string(v), "var"): {"nixproxy"}} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if !slices.Contains(known, e.Name()) {
				return hint.Add(fmt.Errorf("it holds %s and no layout of nixproxy's: it was filled by something else",
					filepath.Join("/nix", strings.TrimPrefix(dir, string(v)), e.Name())), "use another --volume")
			}
		}
	}
	return nil
}

// furnish makes the directories that all other code relies on.
func (v Volume) furnish() error {
	for dir, mode := range map[string]os.FileMode{
		v.Own("images"): 0o755, v.Home(): 0o700, v.State("profiles"): 0o755, v.ImageRoots(""): 0o755,
		v.ProjectRoots(""): 0o755, v.State("gcroots/auto"): 0o755, v.Own("pins"): 0o755,
	} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return err
		}
	}
	// Nix makes this link when the directory is missing. A Nix that has the volume in the
	// alternate root would make it point into that
	// (LocalStore::LocalStore in NixOS/nix src/libstore/local-store.cc).
	return ReplaceLink("/nix/var/nix/profiles", v.State("gcroots/profiles"))
}
