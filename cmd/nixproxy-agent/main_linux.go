// Command nixproxy-agent is the process of nixproxy's containers. It is no
// program for people: nixproxy embeds it, copies it into containers, and starts
// it in one of its modes.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent"
	"github.com/nixproxy/nixproxy/internal/agent/inside"
)

func main() { os.Exit(Main(os.Args[1:])) }

// Main runs one mode and returns the exit status: 0, 1 failed, 2 no such mode.
func Main(args []string) int {
	debug.SetGCPercent(400) // as in cmd/nixproxy, and for its reason
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	if len(args) == 0 {
		args = []string{""}
	}
	err := mode(ctx, args[0], args[1:])
	if err == errUsage {
		fmt.Fprintln(os.Stderr, "usage: agent anchor | prepare | sync IDENTITY REFERENCE | serve IDENTITY SPECIFICATION | enroll | look | connect")
		return 2
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
		return inside.Volume(agent.BesideNix).Anchor(ctx)
	case name == "prepare":
		return prepare()
	case name == "sync" && len(args) == 2:
		return inside.Sync(ctx, args[0], args[1], os.Stdout)
	case name == "serve" && len(args) == 2:
		here := inside.Here
		here.Image, here.Specification = args[0], args[1]
		return here.Serve(ctx)
	case name == "keep":
		return inside.Keep()
	case name == "look":
		return inside.Look(os.Stdin, os.Stdout)
	case name == "enroll":
		return inside.Here.Enroll(os.Stdin, os.Stdout)
	case name == "connect":
		return inside.Here.Connect(os.Stdin, os.Stdout)
	}
	return errUsage
}

// prepare, asked of the anchor, makes the volume ours and prints what is in it.
func prepare() error {
	volume := inside.Volume(agent.BesideNix)
	if err := volume.Prepare(); err != nil {
		return err
	}
	leave, err := volume.Occupy(inside.Underway)
	if err != nil {
		return err
	}
	defer leave()
	stamps, err := volume.Stamps()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(agent.Prepared{Stamps: stamps})
}
