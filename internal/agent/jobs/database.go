package jobs

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// readGraph reads the volume's whole database. Where the volume is beside the
// image's own /nix, it is the image's Nix that reads it, which works even where the
// volume's own is broken.
func readGraph(ctx context.Context, v layout.Volume) (nixstore.Graph, error) {
	dump, err := dumpDatabase(ctx, v)
	if err != nil {
		return nil, err
	}
	var said nixstore.Tail
	dump.Stderr = &said
	out, err := dump.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := dump.Start(); err != nil {
		return nil, fmt.Errorf("reading the volume's database: %w", err)
	}
	graph := nixstore.Graph{}
	read := nixstore.ReadRegistrations(out, func(i nixstore.Info) error {
		graph[i.Path] = i
		return nil
	})
	if err := dump.Wait(); err != nil { // before what that made of the reading
		return nil, unreadable(said.String(), err)
	}
	return graph, read
}

// unreadable explains what a Nix said of a database. The texts of one that is
// damaged are SQLite's (SQLITE_CORRUPT, SQLITE_NOTADB).
func unreadable(said string, err error) error {
	if said = strings.Join(strings.Fields(said), " "); said != "" {
		err = errors.New(said)
	}
	if strings.Contains(said, "malformed") || strings.Contains(said, "not a database") {
		return fmt.Errorf("the volume's database is damaged, and nothing mends it: take out what you need with `nixproxy cp`, "+
			"and remove the volume with `nixproxy volume rm`; the next command fills a new one (%w)", err)
	}
	return fmt.Errorf("reading the volume's database: %w", err)
}

// dumpDatabase is the command that prints it.
func dumpDatabase(ctx context.Context, v layout.Volume) (*exec.Cmd, error) {
	if v == layout.InPlace {
		own, err := findOwnNix(v)
		if err != nil {
			return nil, err
		}
		return own.command(ctx, "nix-store", "--dump-db"), nil
	}
	return besideNix(ctx, "--dump-db"), nil
}
