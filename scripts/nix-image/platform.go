package main

import (
	"context"
	"fmt"
	"strings"
)

// platform is one architecture under the names that Debian, Nix and the dynamic linker have for it.
type platform struct {
	debian  string // also the image's architecture
	nix     string
	triplet string
}

// choosePlatform gives the platform of that Debian architecture; of the machine if it is empty.
func choosePlatform(ctx context.Context, arch string) (platform, error) {
	if arch == "" {
		out, err := output(ctx, "dpkg", "--print-architecture")
		if err != nil {
			return platform{}, fmt.Errorf("asking dpkg for the architecture (this runs on Debian only): %w", err)
		}
		arch = strings.TrimSpace(out)
	}
	switch arch {
	case "amd64":
		return platform{"amd64", "x86_64-linux", "x86_64-linux-gnu"}, nil
	case "arm64":
		return platform{"arm64", "aarch64-linux", "aarch64-linux-gnu"}, nil
	}
	return platform{}, fmt.Errorf("architecture %q is not supported; name amd64 or arm64", arch)
}
