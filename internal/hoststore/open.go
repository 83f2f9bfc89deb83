// Package hoststore is the store of the host's own Nix, whoever it belongs to: a
// daemon, or the user.
package hoststore

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Tool is a program of the Nix that a nix binary belongs to, such as nix-store:
// it lies beside the file that the binary's links lead to.
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

// Open starts to speak with the store that the host's Nix uses by itself. It may
// add paths by that Nix's own rules.
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
