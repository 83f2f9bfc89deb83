#!/usr/bin/env bash
# github.com/adrg/xdg v0.5.3 takes ~USER for a directory in the caller's own home.
#
# Guess: a variable that is not an absolute path is ignored, as the XDG Base Directory
# Specification asks for.
# Seen: ~ and $HOME at the start are replaced, where other programs see a relative path. Of
# ~daemon/state only the ~ is replaced: it becomes a directory daemon in the caller's home.
# ${HOME} is not known, and a path with it is ignored.
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
	"os"

	"github.com/adrg/xdg"
)

func main() {
	os.Setenv("HOME", "/home/me")
	for _, s := range []string{"~/state", "~daemon/state", "$HOME/state", "${HOME}/state", "state"} {
		os.Setenv("XDG_STATE_HOME", s)
		xdg.Reload()
		fmt.Printf("%s: %s\n", s, xdg.StateHome)
	}
}
END
go get github.com/adrg/xdg@v0.5.3
go mod tidy
go run . >got
cat >want <<'END'
~/state: /home/me/state
~daemon/state: /home/me/daemon/state
$HOME/state: /home/me/state
${HOME}/state: /home/me/.local/state
state: /home/me/.local/state
END
diff want got && echo "as it was seen" && cat got
