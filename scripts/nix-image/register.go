package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// canonical gives a store path the modes and times that Nix would.
func canonical(dir string) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink == 0 {
			mode := fs.FileMode(0o444)
			if entry.IsDir() || info.Mode()&0o111 != 0 {
				mode = 0o555
			}
			if err := os.Chmod(name, mode); err != nil {
				return err
			}
		}
		second := []unix.Timespec{{Sec: 1}, {Sec: 1}}
		return unix.UtimesNanoAt(unix.AT_FDCWD, name, second, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// register makes all paths valid in the image's database, and has Nix check every one.
func (s *store) register(ctx context.Context) error {
	text, err := s.registration()
	if err != nil {
		return err
	}
	if _, err := s.nix(ctx, text, "--load-db"); err != nil {
		return fmt.Errorf("registering the store paths: %w", err)
	}
	if _, err := s.nix(ctx, "", "--verify", "--check-contents"); err != nil {
		return fmt.Errorf("verifying the store: %w", err)
	}
	valid, err := s.nix(ctx, "", "--query", "--requisites", s.paths[len(s.paths)-1])
	if err != nil {
		return fmt.Errorf("asking for base-system's closure: %w", err)
	}
	if n := len(strings.Fields(valid)); n != len(s.paths) {
		return fmt.Errorf("base-system's closure has %d of %d store paths; the rest would be garbage", n, len(s.paths))
	}
	return nil
}

// registration is what nix-store --load-db reads.
func (s *store) registration() (string, error) {
	known := map[string]string{}
	for _, p := range s.paths {
		known[hashPart(p)] = p
	}
	infos := make([]narInfo, len(s.paths))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i, p := range s.paths {
		group.Go(func() (err error) {
			if err = canonical(s.real(p)); err == nil {
				infos[i], err = inspect(s.real(p), known)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	var text strings.Builder
	for i, p := range s.paths {
		for _, r := range infos[i].refs {
			if !slices.Contains(s.paths[:i+1], r) {
				return "", fmt.Errorf("%s refers to %s, which comes later: a cycle, which nix copy dies of", p, r)
			}
		}
		fmt.Fprintf(&text, "%s\n%s\n%d\n\n%d\n", p, infos[i].hash, infos[i].size, len(infos[i].refs))
		for _, r := range infos[i].refs {
			fmt.Fprintln(&text, r)
		}
	}
	return text.String(), nil
}
