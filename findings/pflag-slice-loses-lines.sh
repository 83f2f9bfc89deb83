#!/usr/bin/env bash
# github.com/spf13/pflag v1.0.10: a StringSlice flag keeps the first line of its value and drops
# the others without an error.
#
# Guess: a value is split at commas, as documented; a line break is a character as any other.
# Seen: each value is read as the first record of a CSV file, so what follows a line break is
# lost, and a single quotation mark is an error. StringArray keeps all.
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

	"github.com/spf13/pflag"
)

func main() {
	f := pflag.NewFlagSet("f", pflag.ContinueOnError)
	slice, array := f.StringSlice("slice", nil, ""), f.StringArray("array", nil, "")
	fmt.Println(f.Parse([]string{"--slice", "a,b\nc,d", "--array", "a,b\nc,d"}))
	fmt.Printf("%q %q\n", *slice, *array)
	fmt.Println(f.Parse([]string{"--slice", `5"`}) != nil)
}
END
go get github.com/spf13/pflag@v1.0.10
go mod tidy
go run . >got
cat >want <<'END'
<nil>
["a" "b"] ["a,b\nc,d"]
true
END
diff want got && echo "as it was seen" && cat got
