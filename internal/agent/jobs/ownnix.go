package jobs

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

var errNoStamp = errors.New("the volume holds no image's whole store, so there is no Nix in it to work with: `nixproxy sync` brings one")

// An ownNix is the Nix in a volume that is in place: that of the image which was
// synced last.
type ownNix struct{ stamp agentapi.Stamp }

func findOwnNix(v layout.Volume) (ownNix, error) {
	stamps, err := v.Stamps()
	if err != nil {
		return ownNix{}, err
	}
	slices.SortFunc(stamps, func(a, b agentapi.Stamp) int { return cmp.Compare(b.Synced, a.Synced) })
	for _, s := range stamps {
		if _, err := os.Stat(filepath.Join(s.Nix, "bin/nix-store")); err == nil {
			return ownNix{s}, nil
		}
	}
	return ownNix{}, errNoStamp
}

// command is one of its programs, such as nix-store. The container's own /etc may
// lead into an image's store that is not in this volume, and so have no users to
// build with: none are needed. A job collects no garbage by the way.
func (n ownNix) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(n.stamp.Nix, "bin", name), args...)
	c.Env = append(os.Environ(), nixConfig(append(slices.Clone(n.stamp.Settings), "build-users-group =", "min-free = 0")...), "HOME="+layout.InPlace.Home())
	return c
}
