#!/usr/bin/env bash
# github.com/distribution/reference v0.6.0 (what Docker parses image names with) and
# github.com/google/go-containerregistry v0.20.6 (what crane, ko and many others do) do not agree
# on which registry a name is about.
#
# Guess: both follow one grammar, in which a first part without a dot or a port is a namespace of
# Docker Hub.
# Seen: localhost/nix is on the registry localhost to the one, and a repository of Docker Hub to
# the other. A capital letter makes the first part a host to the one (NixOS/nix is asked of a
# machine NixOS), and an error to the other. They agree that localhost:5000 alone is an image of
# Docker Hub with the tag 5000.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/program"
cd "$dir/program"
export GOMODCACHE=$dir/modules GOFLAGS=-modcacherw

cat >go.mod <<'END'
module finding

go 1.26
END
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
)

func main() {
	for _, s := range []string{"nixos/nix", "localhost/nix", "NixOS/nix", "localhost:5000"} {
		one, other := "error", "error"
		if r, err := reference.ParseNormalizedNamed(s); err == nil {
			one = reference.Domain(r) + " " + reference.Path(r)
		}
		if r, err := name.ParseReference(s); err == nil {
			other = r.Context().RegistryStr() + " " + r.Context().RepositoryStr()
		}
		fmt.Printf("%s: %s | %s\n", s, one, other)
	}
}
END
go get github.com/distribution/reference@v0.6.0 github.com/google/go-containerregistry@v0.20.6
go mod tidy
go run . >got
cat >want <<'END'
nixos/nix: docker.io nixos/nix | index.docker.io nixos/nix
localhost/nix: localhost nix | index.docker.io localhost/nix
NixOS/nix: NixOS nix | error
localhost:5000: docker.io library/localhost | index.docker.io library/localhost
END
diff want got && echo "as it was seen" && cat got
