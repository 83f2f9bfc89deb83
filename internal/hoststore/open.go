// Package hoststore opens the store of the host's own Nix, which a daemon or the user owns.
package hoststore

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Tool returns the path of another program of the same Nix, such as nix-store: it is in the
// directory of the file that nix, perhaps a link, leads to.
func Tool(nix, name string) (string, error) {
	real, err := filepath.EvalSymlinks(nix)
	if err != nil {
		return "", fmt.Errorf("finding the host's %s: %w", name, err)
	}
	path, err := exec.LookPath(filepath.Join(filepath.Dir(real), name))
	if err != nil {
		return "", fmt.Errorf("finding the host's %s beside %s: %w", name, nix, err)
	}
	return path, nil
}

// Open connects to the store that the host's Nix uses by default. The Server may add paths,
// if that Nix's own rules allow it.
func Open(ctx context.Context, nix string) (*nixstore.Server, error) {
	tool, err := Tool(nix, "nix-store")
	if err != nil {
		return nil, err
	}
	store, err := nixstore.Serve(exec.CommandContext(ctx, tool, "--serve", "--write"))
	if err != nil {
		return nil, fmt.Errorf("asking the host's %s: %w", tool, err)
	}
	return store, nil
}
