#!/usr/bin/env bash
# github.com/docker/go-units v0.5.0, which reads docker's --memory and --shm-size, gives negative
# sizes without an error.
#
# Guess: a size that does not fit is an error, as a negative one is, and a size is digits, perhaps
# a point, and a unit.
# Seen: what overflows 64 bits, and "nan k", come back as the smallest number there is, with a nil
# error. Go's own forms of a number are taken, exponents, underscores and binary exponents, in
# front of a unit too.
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

	"github.com/docker/go-units"
)

func main() {
	for _, s := range []string{"1e30", "nan k", "-5", "16e18", "0x1p4", "5e3k", "1_000", "nan"} {
		n, err := units.RAMInBytes(s)
		fmt.Printf("%s: %d, error %t\n", s, n, err != nil)
	}
}
END
go get github.com/docker/go-units@v0.5.0
go mod tidy
go run . >got
cat >want <<'END'
1e30: -9223372036854775808, error false
nan k: -9223372036854775808, error false
-5: -1, error true
16e18: -9223372036854775808, error false
0x1p4: 16, error false
5e3k: 5120000, error false
1_000: 1000, error false
nan: -1, error true
END
diff want got && echo "as it was seen" && cat got
