// Command nixproxy-agent is the process of nixproxy's containers. It is no
// program for people: nixproxy embeds it, copies it into containers, and starts
// it in one of its modes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/jobs"
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/server"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

func main() { os.Exit(Main(os.Args[1:])) }

// Main runs one mode and returns the exit status: 0, 1 failed, 2 no such mode, or
// that of the program whose output was asked for.
func Main(args []string) int {
	debug.SetGCPercent(400) // as in cmd/nixproxy, and for its reason
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	if len(args) == 0 {
		args = []string{""}
	}
	err := mode(ctx, args[0], args[1:])
	if err == errUsage {
		fmt.Fprintf(os.Stderr, "the agent has no mode %q with %d arguments\n", args[0], len(args)-1)
		return agentapi.NoSuchMode
	}
	var program jobs.ProgramEnd
	if errors.As(err, &program) {
		return int(program)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

var errUsage = fmt.Errorf("wrong usage")

func mode(ctx context.Context, name string, args []string) error {
	switch {
	case name == "anchor":
		return jobs.Anchor(ctx, layout.Beside)
	case name == "prepare" && slices.Contains(args, agentapi.LookOnly):
		return look()
	case name == "prepare":
		return prepare(ctx)
	case name == "holders":
		return json.NewEncoder(os.Stdout).Encode(layout.Beside.Holders())
	case name == agentapi.ModeInspect:
		return jobs.Inspect(ctx, layout.Beside, os.Stdout)
	case name == agentapi.ModeVerify:
		return jobs.Verify(ctx, layout.Beside, os.Stdin, os.Stdout)
	case name == agentapi.ModeRepair:
		return jobs.Mend(ctx, os.Stdin, os.Stdout)
	case name == "sync" && len(args) == 2:
		return jobs.Sync(ctx, args[0], args[1], os.Stdout)
	case name == "lacks":
		return jobs.Lacks(ctx, layout.Beside, os.Stdin, os.Stdout)
	case name == "receive":
		return jobs.Receive(ctx, layout.Beside, os.Stdin, os.Stdout)
	case name == "export":
		return jobs.Export(ctx, layout.Beside, os.Stdin, os.Stdout)
	case name == "serve" && len(args) >= 2:
		here := server.Here
		here.Image, here.Specification, here.Moved = args[0], args[1], args[2:]
		return here.Serve(ctx)
	case name == agentapi.ModeGC && len(args) == 1:
		return jobs.Collect(ctx, args[0], os.Stdin, os.Stdout)
	case name == "tidy" && len(args) == 1:
		most, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return err
		}
		return jobs.Tidy(ctx, most)
	case name == "keep":
		return server.Keep()
	case name == "look":
		return server.Look(os.Stdin, os.Stdout)
	case name == "pack" && len(args) == 1:
		return jobs.Pack(ctx, args[0], os.Stdout)
	case name == "archive" && len(args) == 1:
		return jobs.Archive(ctx, args[0], os.Stdout)
	case name == "enroll":
		return server.Here.Enroll(os.Stdin, os.Stdout)
	case name == "connect":
		return server.Here.Connect(os.Stdin, os.Stdout)
	}
	return errUsage
}

// prepare, asked of the anchor, makes the volume ours and prints what is in it.
func prepare(ctx context.Context) error {
	volume := layout.Beside
	if err := volume.Prepare(); err != nil {
		return err
	}
	leave, err := volume.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	_ = jobs.Recover(ctx, volume) // where it fails, one goes on as well as one can, and the next one tries again
	return tell(volume)
}

// look is prepare for who only wants to know: it leaves the volume as it is, and
// the anchor to its end.
func look() error {
	if _, err := layout.Beside.Ours(); err != nil {
		return err
	}
	return tell(layout.Beside)
}

func tell(volume layout.Volume) error {
	stamps, err := volume.Stamps()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(agentapi.Prepared{Stamps: stamps, Damage: volume.Damage()})
}
