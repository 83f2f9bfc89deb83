package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/nixproxy/nixproxy/internal/agent/anchor"
	"github.com/nixproxy/nixproxy/internal/agent/check"
	"github.com/nixproxy/nixproxy/internal/agent/gc"
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/server"
	"github.com/nixproxy/nixproxy/internal/agent/transfer"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// A mode is what the agent does, and how many arguments that takes.
type mode struct {
	least, most int
	run         func(ctx context.Context, args []string) error
}

var modes = map[string]mode{
	agentapi.ModeServe:  {2, math.MaxInt, serve},
	agentapi.ModeAnchor: {0, 0, func(ctx context.Context, _ []string) error { return anchor.Run(ctx, layout.Alternate) }},

	agentapi.ModeSync: {2, 2, func(ctx context.Context, args []string) error {
		return transfer.Sync(ctx, args[0], args[1], os.Stdout)
	}},
	agentapi.ModeRepair: {0, 0, func(ctx context.Context, _ []string) error { return check.Repair(ctx, os.Stdin, os.Stdout) }},
	agentapi.ModeGC: {1, 1, func(ctx context.Context, args []string) error {
		return gc.Run(ctx, args[0], os.Stdin, os.Stdout)
	}},

	agentapi.ModePrepare: {0, 1, prepare},
	agentapi.ModeHolders: {0, 0, func(context.Context, []string) error {
		return json.NewEncoder(os.Stdout).Encode(layout.Alternate.Holders())
	}},
	agentapi.ModeInspect: {0, 0, func(ctx context.Context, _ []string) error {
		return check.Inspect(ctx, layout.Alternate, os.Stdout)
	}},
	agentapi.ModeVerify: {0, 0, func(ctx context.Context, _ []string) error {
		return check.Verify(ctx, layout.Alternate, os.Stdin, os.Stdout)
	}},
	agentapi.ModeMissing: {0, 0, func(ctx context.Context, _ []string) error {
		return transfer.Missing(ctx, layout.Alternate, os.Stdin, os.Stdout)
	}},
	agentapi.ModeReceive: {0, 0, func(ctx context.Context, _ []string) error {
		return transfer.Receive(ctx, layout.Alternate, os.Stdin, os.Stdout)
	}},
	agentapi.ModeExport: {0, 0, func(ctx context.Context, _ []string) error {
		return transfer.Export(ctx, layout.Alternate, os.Stdin, os.Stdout)
	}},

	agentapi.ModeEnroll: {0, 0, func(context.Context, []string) error {
		return server.Here.Enroll(os.Stdin, os.Stdout)
	}},
	agentapi.ModeConnect: {0, 0, func(context.Context, []string) error {
		return server.Here.Connect(os.Stdin, os.Stdout)
	}},
	agentapi.ModeDescribe:  {0, 0, func(context.Context, []string) error { return server.Describe(os.Stdin, os.Stdout) }},
	agentapi.ModeSupervise: {0, 0, func(context.Context, []string) error { return server.Supervise() }},
	agentapi.ModeGCAuto:    {1, 1, gcAuto},

	agentapi.ModePack:    {1, 1, func(ctx context.Context, args []string) error { return transfer.Pack(ctx, args[0], os.Stdout) }},
	agentapi.ModeArchive: {1, 1, func(ctx context.Context, args []string) error { return transfer.Archive(ctx, args[0], os.Stdout) }},
}

func serve(ctx context.Context, args []string) error {
	here := server.Here
	here.Image, here.Specification, here.Moved = args[0], args[1], args[2:]
	return here.Serve(ctx)
}

func gcAuto(ctx context.Context, args []string) error {
	maxSize, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return fmt.Errorf("reading how large the store may be: %w", err)
	}
	return gc.Auto(ctx, maxSize)
}

// prepare makes the volume ours and prints what is in it. With ReadOnly it leaves
// the volume as it is, and does not keep the anchor from its end.
func prepare(ctx context.Context, args []string) error {
	volume := layout.Alternate
	if slices.Contains(args, agentapi.ReadOnly) {
		if _, err := volume.Ours(); err != nil {
			return err
		}
		return printPrepared(volume)
	}
	if err := volume.Prepare(); err != nil {
		return err
	}
	leave, err := volume.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	_ = check.Recover(ctx, volume) // what fails now is tried again by the next prepare
	return printPrepared(volume)
}

func printPrepared(volume layout.Volume) error {
	stamps, err := volume.Stamps()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(agentapi.Prepared{Stamps: stamps, Damage: volume.Damage()})
}
