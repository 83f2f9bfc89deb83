package nix

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// ReadGraph reads the volume's whole database. Where the volume is in the alternate
// root, the image's Nix reads it, so that this works even where the volume's own
// Nix is broken.
func ReadGraph(ctx context.Context, v layout.Volume) (nixstore.Graph, error) {
	dump, err := dumpDatabase(ctx, v)
	if err != nil {
		return nil, err
	}
	var stderr nixstore.Tail
	dump.Stderr = &stderr
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
	if err := dump.Wait(); err != nil { // it is why the reading failed, if that did
		return nil, explainUnreadable(stderr.String(), err)
	}
	return graph, read
}

// explainUnreadable returns why a database could not be read. The texts for a
// damaged one are SQLite's (SQLITE_CORRUPT, SQLITE_NOTADB).
func explainUnreadable(stderr string, err error) error {
	if stderr = strings.Join(strings.Fields(stderr), " "); stderr != "" {
		err = errors.New(stderr)
	}
	if strings.Contains(stderr, "malformed") || strings.Contains(stderr, "not a database") {
		return hint.Add(fmt.Errorf("the volume's database is damaged, and nothing repairs it (%w)", err),
			"take out what you need with `nixproxy cp`, and remove the volume with `nixproxy volume rm`; the next command fills a new one")
	}
	return fmt.Errorf("reading the volume's database: %w", err)
}

// dumpDatabase returns the command that prints the database.
func dumpDatabase(ctx context.Context, v layout.Volume) (*exec.Cmd, error) {
	if v == layout.InPlace {
		own, err := FindOwn(v)
		if err != nil {
			return nil, err
		}
		return own.Command(ctx, "nix-store", "--dump-db"), nil
	}
	return Alternate(ctx, "--dump-db"), nil
}
