// Command nixproxy-agent is the process of nixproxy's containers. It is not for
// people: nixproxy embeds it, copies it into containers, and starts it in one of
// its modes (agentapi.Mode...).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/transfer"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
)

func main() { os.Exit(Main(os.Args[1:])) }

// Main runs one mode and returns the exit status: 0, 1 for a failure, 2 for an
// unknown mode, or that of the program whose output was asked for.
func Main(args []string) int {
	debug.SetGCPercent(400) // as in cmd/nixproxy, and for its reason
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	if len(args) == 0 {
		args = []string{""}
	}
	name, args := args[0], args[1:]
	mode, ok := modes[name]
	if !ok || len(args) < mode.least || len(args) > mode.most {
		fmt.Fprintf(os.Stderr, "the agent has no mode %q with %d arguments\n", name, len(args))
		return agentapi.NoSuchMode
	}
	err := mode.run(ctx, args)
	var program transfer.ProgramEnd
	if errors.As(err, &program) {
		return int(program)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, hint.Text(err))
		return 1
	}
	return 0
}
