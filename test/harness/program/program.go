//go:build linux && acceptance

// Package program holds the programs that test scripts start besides nixproxy. Each is
// the test's own binary under another name.
package program

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// All are those that scripts start besides nixproxy: the test's own binary,
// under these names.
var All = map[string]func(){
	"hostnix": hostnix, "nosockets": noSockets, "emptydir": emptyDir, "webproxy": webProxy, "repack": repackMain,
}

func fail(format string, a ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", a...)
	os.Exit(99)
}

func become(argv []string) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		fail("%v", err)
	}
	fail("%s: %v", path, unix.Exec(path, argv, os.Environ()))
}
