// Command setsid runs a command in a session of its own, as util-linux's does:
// the images have none.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	_, _ = syscall.Setsid() // fails where it is one's leader already
	path, err := exec.LookPath(os.Args[1])
	if err == nil {
		err = syscall.Exec(path, os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "setsid:", err)
	os.Exit(127)
}
