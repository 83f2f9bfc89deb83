package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nixproxy/nixproxy/internal/agent/input"
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Missing runs in the anchor, and writes which paths of a closure the volume lacks.
func Missing(ctx context.Context, v layout.Volume, in io.Reader, out io.Writer) error {
	leave, err := v.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	var request agentapi.Request
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return fmt.Errorf("reading what is wanted: %w", err)
	}
	store, err := nix.ServeAlternate(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	missing, err := store.Missing(request.Closure)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(agentapi.Missing{Paths: missing})
}

// Receive reads an agentapi.Request, replies with the missing paths, reads each of them as
// a line of JSON and its archive, and adopts the requested ones. No collector can remove
// the paths meanwhile, until their roots keep them.
//
// It runs in the anchor: to start a throwaway container takes longer than to copy ten small
// paths. A file lock in the volume prevents that two clients copy the same paths. If none
// is missing there is no wait.
func Receive(ctx context.Context, v layout.Volume, in *os.File, out io.Writer) error {
	leave, err := v.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	stream := bufio.NewReaderSize(input.WithTimeout(in), 64<<10)
	var request agentapi.Request
	if err := input.ReadLine(stream, &request); err != nil {
		return fmt.Errorf("reading what is wanted: %w", err)
	}
	for _, s := range request.Images {
		if err := v.Admit(s); err != nil {
			return fmt.Errorf("image %s: %w", s.Reference, err)
		}
	}
	store, err := nix.ServeAlternate(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	missing, release, err := claim(input.WhileOpen(ctx, in), v, store, request.Closure, out)
	if err != nil {
		return err
	}
	defer release()
	if err := json.NewEncoder(out).Encode(agentapi.Missing{Paths: missing}); err != nil {
		return err
	}
	if err := receivePaths(store, stream, missing); err != nil {
		return err
	}
	if err := adopt(v, request, len(missing)); err != nil {
		return err
	}
	return agentapi.NewTeller(out).Result(struct{}{})
}

// claim returns the missing paths. If there are any, no other client can send until release.
func claim(ctx context.Context, v layout.Volume, store *nixstore.Server, closure []nixstore.Path, out io.Writer) (missing []nixstore.Path, release func(), err error) {
	if missing, err = store.Missing(closure); err != nil || len(missing) == 0 {
		return missing, func() {}, err
	}
	if release, err = awaitTurn(ctx, v, out); err != nil {
		return nil, nil, err
	}
	if missing, err = store.Missing(closure); err != nil { // the client before may have sent some
		release()
	}
	return missing, release, err
}

// awaitTurn waits until no other client sends paths, and tells its own client if it has to
// wait. It ends with the context.
func awaitTurn(ctx context.Context, v layout.Volume, out io.Writer) (release func(), err error) {
	file := v.Own("receiving")
	release, err = filelock.TryAcquire(file, filelock.Exclusive)
	if errors.Is(err, filelock.ErrHeld) {
		_ = json.NewEncoder(out).Encode(agentapi.Missing{Wait: true})
		release, err = filelock.Acquire(ctx, file, filelock.Exclusive)
	}
	return release, err
}

// receivePaths reads the missing paths from the stream, and makes them valid.
func receivePaths(store *nixstore.Server, stream *bufio.Reader, missing []nixstore.Path) error {
	awaited := nixstore.SetOf(missing)
	for len(awaited) > 0 {
		var info nixstore.Info
		if err := input.ReadLine(stream, &info); err != nil {
			return fmt.Errorf("receiving store paths, with %d to come: %w", len(awaited), err)
		}
		if !awaited[info.Path] {
			return fmt.Errorf("receiving %q, which was not asked for", info.Path)
		}
		if err := store.Add(info, stream); err != nil {
			return err
		}
		delete(awaited, info.Path)
	}
	return nil
}
