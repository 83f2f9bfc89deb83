//go:build linux && acceptance

package program

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
)

// webProxy is the program `webproxy CMD [ARG...]`: while CMD runs there is an
// HTTP proxy on this machine's loopback, whose port CMD finds in PROXY_PORT. It
// answers for every site itself, with what it was asked for and by whom.
func webProxy() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("webproxy: %v", err)
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "asked for %s with %q\n", r.URL, r.Header.Get("Proxy-Authorization"))
	}))
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	command := exec.Command(os.Args[1], os.Args[2:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), "PROXY_PORT="+port)
	var exit *exec.ExitError
	if err := command.Run(); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	} else if err != nil {
		fail("webproxy: %v", err)
	}
}
