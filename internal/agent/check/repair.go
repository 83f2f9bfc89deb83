package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Repair is the job of a throwaway container that replaces broken paths of the volume, in
// the alternate root, by those of its own image. It reads a list of agentapi.BrokenPath.
// Its result is the paths that it has repaired: those that the image has with the
// registered hash. A process that has an old file open keeps that file. A kill at any
// moment leaves each path as it was, or repaired.
func Repair(ctx context.Context, in io.Reader, out io.Writer) error {
	tell := agentapi.NewTeller(out)
	var broken []agentapi.BrokenPath
	if err := json.NewDecoder(in).Decode(&broken); err != nil {
		return fmt.Errorf("reading what is broken: %w", err)
	}
	volume := layout.Alternate
	leave, err := volume.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	release, err := blockCollectors(ctx, volume)
	if err != nil {
		return fmt.Errorf("keeping collectors away: %w", err)
	}
	defer release()
	repaired, err := repair(volume, broken, tell)
	if err != nil {
		return err
	}
	return tell.Result(repaired)
}

// repairDir returns the directory for copies. It is not in the store, where a collector
// would find them, and copies that a kill has left there do no harm.
func repairDir(v layout.Volume) string { return v.Own("mend") }

func repair(v layout.Volume, broken []agentapi.BrokenPath, tell agentapi.Teller) ([]nixstore.Path, error) {
	dir := repairDir(v)
	if err := forgetLinks(v, dir); err != nil && !errors.Is(err, os.ErrNotExist) { // a kill may have left broken files there
		return nil, fmt.Errorf("removing links to what was broken: %w", err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var done, total int64
	for _, b := range broken {
		total += b.NarSize
	}
	repaired := []nixstore.Path{}
	for _, b := range broken {
		copied := filepath.Join(dir, b.Path.Base())
		if same, err := copyIfSame(b, copied); err != nil {
			return nil, fmt.Errorf("copying %s: %w", b.Path, err)
		} else if same {
			repaired = append(repaired, b.Path)
		}
		done += b.NarSize
		tell.Progress(done, total)
	}
	if err := v.Flush(); err != nil { // a copy must be on disk before it gets a store path's name
		return nil, err
	}
	for _, path := range repaired {
		if err := exchange(filepath.Join(dir, path.Base()), v.Outside(string(path))); err != nil {
			return nil, fmt.Errorf("replacing %s: %w", path, err)
		}
	}
	if err := forgetLinks(v, dir); err != nil { // the broken files are there now
		return nil, fmt.Errorf("removing links to what was broken: %w", err)
	}
	return repaired, v.Flush()
}

// copyIfSame copies a path of the image, if the image has it with the registered hash.
func copyIfSame(b agentapi.BrokenPath, to string) (bool, error) {
	from := string(b.Path)
	if hash, err := nixstore.NarHash(from, nixstore.Unwatched); err != nil || hash != b.NarHash {
		return false, nil
	}
	if err := copyPath(from, to); err != nil {
		return false, err
	}
	hash, err := nixstore.NarHash(to, nixstore.Unwatched)
	if err == nil && hash != b.NarHash {
		err = errors.New("the copy is not the same")
	}
	return true, err
}

// copyPath copies a file, directory or link with the modes and times that Nix gives them in
// a store: read-only, executable or not, and of 1970 (canonicalisePathMetaData in NixOS/nix
// src/libstore/posix-fs-canonicalise.cc).
func copyPath(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	mode := os.FileMode(0o555)
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		return errors.Join(err, os.Symlink(target, to), setTime(to))
	case info.IsDir():
		err = copyEntries(from, to)
	default:
		if info.Mode()&0o100 == 0 {
			mode = 0o444
		}
		err = copyFile(from, to)
	}
	return errors.Join(err, os.Chmod(to, mode), setTime(to))
}

func setTime(path string) error {
	second := unix.Timespec{Sec: 1}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{second, second}, unix.AT_SYMLINK_NOFOLLOW)
}

func copyEntries(from, to string) error {
	entries, err := os.ReadDir(from)
	if err = errors.Join(err, os.Mkdir(to, 0o755)); err != nil {
		return err
	}
	for _, e := range entries {
		if err := copyPath(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
