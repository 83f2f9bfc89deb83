// Command nixproxy runs Linux Nix on a Mac as if it were local.
package main

import (
	"os"
	"runtime/debug"
)

// version is set by `make build`.
var version = "dev"

func main() { os.Exit(Main()) }

// Main runs nixproxy with the process's arguments and streams, and returns its
// exit status.
func Main() int {
	// Each packet of a stream is garbage at once, and little else is in memory:
	// collecting it less often saves a third of a large stream's processor time.
	debug.SetGCPercent(400)
	ctx, signals := withSignals()
	defer signals.stop()
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	a.signals = signals
	return a.run(ctx, os.Args[1:])
}
