#!/usr/bin/env bash
# github.com/spf13/pflag v1.0.10: a StringToString flag takes off a closing quotation mark and
# leaves the opening one.
#
# Guess: a="b,c" is one pair whose value is b,c, as the type quotes its own values when it prints
# them.
# Seen: with one = in the text it is not read as CSV but trimmed at both ends, and the opening
# mark is not at an end: the value begins with a quotation mark. An unquoted comma in a single
# pair is kept; in two pairs it splits.
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
	for _, s := range []string{`a="b,c"`, `"a=b,c"`, "a=b,c", "a=b,c=d", `"a=b,c",d=e`} {
		f := pflag.NewFlagSet("f", pflag.ContinueOnError)
		m := f.StringToString("m", nil, "")
		fmt.Printf("%s: %v %q\n", s, f.Parse([]string{"--m", s}), *m)
	}
}
END
go get github.com/spf13/pflag@v1.0.10
go mod tidy
go run . >got
cat >want <<'END'
a="b,c": <nil> map["a":"\"b,c"]
"a=b,c": <nil> map["a":"b,c"]
a=b,c: <nil> map["a":"b,c"]
a=b,c=d: <nil> map["a":"b" "c":"d"]
"a=b,c",d=e: <nil> map["a":"b,c" "d":"e"]
END
diff want got && echo "as it was seen" && cat got
