package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// runnable is a Nix that this machine's processor runs, by the file system that it is in and its
// store path there.
type runnable struct {
	root string
	nix  string
}

// nix runs nix-store on the store that is being built.
func (s *store) nix(ctx context.Context, stdin string, args ...string) (string, error) {
	return s.chroot(ctx, stdin, "nix-store", append([]string{"--store", "/image"}, args...)...)
}

// chroot runs a program of the runnable Nix in a root and namespaces of its own, where that Nix's
// store is at /nix and the image at /image. Whatever it mounts is gone when it ends.
func (s *store) chroot(ctx context.Context, stdin, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	stage, err := os.MkdirTemp(filepath.Dir(s.root), "stage-")
	if err != nil {
		return "", err
	}
	defer os.Remove(stage)
	script := `mount -t tmpfs none "$1" && cd "$1" && mkdir dev proc nix image &&
		mount --rbind /dev dev && mount -t proc none proc && mount --bind "$2/nix" nix && mount --bind "$3" image &&
		shift 3 && exec env -i USER=root HOME=/root PATH="$PATH" chroot . "$@"`
	argv := []string{"--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script, "sh",
		stage, s.runnable.root, s.root, s.runnable.nix + "/bin/" + program}
	return feed(ctx, strings.NewReader(stdin), "unshare", append(argv, args...)...)
}
