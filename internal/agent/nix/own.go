package nix

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
	"github.com/nixproxy/nixproxy/internal/hint"
)

var errNoStamp = hint.Add(errors.New("the volume holds no image's whole store, so there is no Nix in it to work with"), "`nixproxy sync` copies one")

// Own is the Nix in a volume that is mounted at /nix: that of the image which was
// synced last.
type Own struct{ stamp agentapi.Stamp }

// FindOwn finds the volume's own Nix.
func FindOwn(v layout.Volume) (Own, error) {
	stamps, err := v.Stamps()
	if err != nil {
		return Own{}, err
	}
	slices.SortFunc(stamps, func(a, b agentapi.Stamp) int { return cmp.Compare(b.Synced, a.Synced) })
	for _, s := range stamps {
		if _, err := os.Stat(filepath.Join(s.Nix, "bin/nix-store")); err == nil {
			return Own{s}, nil
		}
	}
	return Own{}, errNoStamp
}

// Command returns a command of one of its programs, such as nix-store. It needs no
// build users: the container's /etc may lead into the store of an image that is not
// in this volume, and then there are none. It collects no garbage by itself.
func (n Own) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(n.stamp.Nix, "bin", name), args...)
	settings := append(slices.Clone(n.stamp.Settings), "build-users-group =", "min-free = 0")
	c.Env = append(os.Environ(), Config(settings...), "HOME="+layout.InPlace.Home())
	return c
}
