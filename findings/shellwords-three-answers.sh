#!/usr/bin/env bash
# Three libraries that split a command line as a shell would, github.com/mattn/go-shellwords
# v1.0.12, github.com/kballard/go-shellquote (2018-04-28) and github.com/google/shlex
# (2019-12-02), differ on plain command lines. Programs split EDITOR, PAGER or SSH options with
# them.
#
# Guess: they agree on quotes and backslashes, which POSIX defines, and refuse or keep operators.
# Seen: shellwords drops all from the first ; & | on, with no error. In double quotes a backslash
# before a letter stays to a shell and to shellquote; the other two take it away. A backslash at a
# line's end continues the line for shellquote alone. shlex takes # for a comment.
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

	"github.com/google/shlex"
	"github.com/kballard/go-shellquote"
	"github.com/mattn/go-shellwords"
)

func main() {
	for _, s := range []string{"a b; c", "a && b", `"a\b"`, "a\\\nb", "a #b"} {
		one, err1 := shellwords.Parse(s)
		two, err2 := shellquote.Split(s)
		three, err3 := shlex.Split(s)
		fmt.Printf("%q: %q %v | %q %v | %q %v\n", s, one, err1, two, err2, three, err3)
	}
}
END
go get github.com/mattn/go-shellwords@v1.0.12 github.com/kballard/go-shellquote@v0.0.0-20180428030007-95032a82bc51 github.com/google/shlex@v0.0.0-20191202100458-e7afc7fbc510
go mod tidy
go run . >got
cat >want <<'END'
"a b; c": ["a" "b"] <nil> | ["a" "b;" "c"] <nil> | ["a" "b;" "c"] <nil>
"a && b": ["a"] <nil> | ["a" "&&" "b"] <nil> | ["a" "&&" "b"] <nil>
"\"a\\b\"": ["ab"] <nil> | ["a\\b"] <nil> | ["ab"] <nil>
"a\\\nb": ["a\nb"] <nil> | ["ab"] <nil> | ["a\nb"] <nil>
"a #b": ["a" "#b"] <nil> | ["a" "#b"] <nil> | ["a"] <nil>
END
diff want got && echo "as it was seen" && cat got
