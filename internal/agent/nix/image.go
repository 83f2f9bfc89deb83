// Package nix starts the Nix programs that the agent needs, and reads what they
// print: those of the container's image, and those of an image in the volume.
package nix

import (
	"context"
	"os"
	"os/exec"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Image returns a command of the image's own Nix on the image's own store.
func Image(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), Config(), "HOME=/root")
	return c
}

// AlternateURI is the URI of the volume's store for the image's Nix, where the
// volume is mounted in the alternate root.
const AlternateURI = "local?root=" + agentapi.AlternateRoot

// Alternate returns a command of the image's nix-store on the store of the volume
// in the alternate root.
func Alternate(ctx context.Context, args ...string) *exec.Cmd {
	return Image(ctx, "nix-store", append([]string{"--store", AlternateURI}, args...)...)
}

// ServeAlternate opens the store of the volume in the alternate root. What is
// added to it is on the disk before it is valid.
func ServeAlternate(ctx context.Context) (*nixstore.Server, error) {
	c := Alternate(ctx, "--serve", "--write")
	// Two names of one setting: each version of Nix knows one of them.
	c.Env = append(c.Env, Config("fsync-store-paths = true", "sync-before-registering = true"))
	return nixstore.Serve(c)
}

// Config returns the environment variable that configures a Nix, with more lines
// of configuration.
func Config(more ...string) string {
	return "NIX_CONFIG=experimental-features = nix-command\n" + strings.Join(more, "\n")
}
