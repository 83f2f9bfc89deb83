package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/nixproxy/nixproxy/internal/filetree"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Pack and Archive run as programs of sessions. If one fails, the host deletes what it has
// received, so nothing leaves the volume that is not what was registered.

// An outgoing is a path in the store that is to leave the volume. Collectors cannot remove
// it until Close.
type outgoing struct {
	*nixstore.Server
	real string // the path with all links followed
}

// openOutgoing opens a path in the store.
func openOutgoing(ctx context.Context, place string) (outgoing, error) {
	path, _, err := nixstore.Split(place)
	if err != nil {
		return outgoing{}, err
	}
	store, err := nixstore.Serve(exec.CommandContext(ctx, "nix-store", "--serve", "--write"))
	if err != nil {
		return outgoing{}, fmt.Errorf("asking the store: %w", err)
	}
	real := ""
	valid, err := store.Valid([]nixstore.Path{path}, true)
	if err == nil && len(valid) == 0 {
		err = notInVolume(path)
	}
	if err == nil {
		real, err = filepath.EvalSymlinks(place)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = explainAbsent(path, place)
	}
	if err != nil {
		store.Close()
	}
	return outgoing{store, real}, err
}

// notInVolume returns the error for a store path that is not valid in the volume.
func notInVolume(path nixstore.Path) error {
	return hint.Add(fmt.Errorf("%s is not in the volume", path), "build it there with `nixproxy run`, or copy it there with `nixproxy sync`")
}

// explainAbsent returns the error for a file that is not there: its valid store path may
// itself be missing.
func explainAbsent(path nixstore.Path, place string) error {
	if _, err := os.Lstat(string(path)); err != nil {
		return withRepairHint(&nixstore.ChangedError{Path: path, Reason: "it is missing"})
	}
	return fmt.Errorf("there is no %s in the volume", place)
}

// Pack writes a file or directory of the store, as filetree.Pack does. At the end it
// fails if the store paths that it read are not as registered.
func Pack(ctx context.Context, place string, out io.Writer) error {
	o, err := openOutgoing(ctx, place)
	if err != nil {
		return err
	}
	defer o.Close()
	roots, err := filetree.Pack(out, nixstore.Dir, o.real)
	if err != nil {
		return err
	}
	return o.unchanged(roots...)
}

// Archive writes an image archive of the store, or the stdout of a program of the store.
func Archive(ctx context.Context, place string, out io.Writer) error {
	o, err := openOutgoing(ctx, place)
	if err != nil {
		return err
	}
	defer o.Close()
	info, err := os.Stat(o.real)
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return hint.Add(fmt.Errorf("%s is a directory", place), "what can be loaded is an image archive, or a program that writes one")
	case info.Mode()&0o111 != 0:
		if err := o.unchanged(o.real); err != nil {
			return err
		}
		return stream(ctx, o.real, out)
	}
	archive, err := os.Open(o.real)
	if err != nil {
		return err
	}
	defer archive.Close()
	if _, err := io.Copy(out, archive); err != nil {
		return err
	}
	return o.unchanged(o.real)
}

// A ProgramEnd is the exit status of a program that failed. The program itself prints why.
type ProgramEnd int

func (e ProgramEnd) Error() string { return fmt.Sprintf("it ended with status %d", int(e)) }

// stream runs a program with its stdout to out.
func stream(ctx context.Context, program string, out io.Writer) error {
	c := exec.CommandContext(ctx, program)
	c.Stdout, c.Stderr = out, os.Stderr
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return ProgramEnd(exit.ExitCode())
	}
	return err
}

// unchanged reads the store paths of some files once more. If one is not as registered,
// the error is a *nixstore.ChangedError.
func (o outgoing) unchanged(files ...string) error {
	var paths []nixstore.Path
	for _, f := range files {
		path, _, err := nixstore.Split(f)
		if err != nil {
			return err
		}
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	infos, err := o.Infos(paths)
	for _, i := range infos {
		if err == nil {
			err = o.Dump(i, io.Discard)
		}
	}
	return withRepairHint(err)
}

// withRepairHint adds a hint to a *nixstore.ChangedError.
func withRepairHint(err error) error {
	var changed *nixstore.ChangedError
	if errors.As(err, &changed) {
		return hint.Add(err, "`nixproxy volume verify --repair` repairs what came from an image, and tells what repairs the rest")
	}
	return err
}
