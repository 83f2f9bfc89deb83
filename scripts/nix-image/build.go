package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// build makes dir's root and image.tar for a suite, downloading into downloads. An image of
// another architecture needs the help of a Nix of the machine's own.
func build(ctx context.Context, dir, downloads, suite string, p platform, help *runnable, opts options, stderr io.Writer) (info, error) {
	fmt.Fprintf(stderr, "nix-image: %s: reading Debian's packages for %s\n", suite, p.debian)
	apt, err := chooseSuite(ctx, downloads, candidates(suite), p.debian, opts.mirror)
	if err != nil {
		return info{}, err
	}
	debs, err := apt.download(ctx, profilePackages())
	if err != nil {
		return info{}, err
	}
	start := time.Now()
	s := &store{root: filepath.Join(dir, "root"), of: map[string]string{}}
	if err := s.fill(ctx, debs, filepath.Join(dir, "packages"), p); err != nil {
		return info{}, err
	}
	s.runnable = runnable{s.root, s.of["nix-bin"]}
	if help != nil {
		s.runnable = *help
	}
	if err := s.finish(ctx, p); err != nil {
		return info{}, err
	}
	made := info{Suite: suite, Nix: s.of["nix-bin"]}
	if made.Version, err = s.version(ctx); err != nil {
		return info{}, err
	}
	reference := "nixos/nix:" + made.Version
	env, cmd := environment(p.debian, help != nil), []string{s.of["bash"] + "/bin/bash"}
	if err := writeImage(filepath.Join(dir, "image.tar"), s.root, reference, p.debian, env, cmd); err != nil {
		return info{}, fmt.Errorf("writing the image: %w", err)
	}
	fmt.Fprintf(stderr, "nix-image: %s: built %s for %s of %s, %d store paths, in %.0f s\n",
		suite, reference, p.debian, apt.suite, len(s.paths), time.Since(start).Seconds())
	return made, nil
}

// fill turns the packages that the profile needs into store paths.
func (s *store) fill(ctx context.Context, debs []deb, dir string, p platform) error {
	packages, sums, err := unpackAll(ctx, debs, dir)
	if err != nil {
		return err
	}
	x := newIndex(packages, p.triplet)
	if err := x.dropForeign(); err != nil {
		return err
	}
	all, edges, err := x.reach(profilePackages())
	if err != nil {
		return err
	}
	s.name(x, components(profilePackages(), edges), edges, sums)
	if err := s.place(ctx, x.packages, all); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// unpackAll unpacks and amends the packages, and hashes their archives.
func unpackAll(ctx context.Context, debs []deb, dir string) ([]*pkg, map[string]string, error) {
	debs = slices.DeleteFunc(debs, func(d deb) bool { return leftOut(d.name) })
	packages, sums := make([]*pkg, len(debs)), make([]string, len(debs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for i, d := range debs {
		group.Go(func() (err error) {
			if sums[i], err = hashFile(d.file); err != nil {
				return err
			}
			if packages[i], err = unpack(ctx, d, filepath.Join(dir, d.name)); err != nil {
				return err
			}
			return amend(packages[i])
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	byName := map[string]string{}
	for i, d := range debs {
		byName[d.name] = sums[i]
	}
	return packages, byName, nil
}

// finish adds what is not Debian's, the image's own folders, and the database.
func (s *store) finish(ctx context.Context, p platform) error {
	profile, err := s.userEnvironment(p.nix)
	if err != nil {
		return fmt.Errorf("making the profile: %w", err)
	}
	channel, err := s.generate("channel-nixos", map[string]string{"manifest.nix": "[]\n"}, nil)
	if err != nil {
		return err
	}
	base, err := s.baseSystem(profile, channel)
	if err != nil {
		return fmt.Errorf("making base-system: %w", err)
	}
	if err := s.spread(base); err != nil {
		return fmt.Errorf("making the image's folders: %w", err)
	}
	return s.register(ctx)
}

// version asks the runnable nix, which is the image's own or the same for another architecture,
// and whose answer decides the tag.
func (s *store) version(ctx context.Context) (string, error) {
	out, err := s.chroot(ctx, "", "nix", "--version")
	if err != nil {
		return "", fmt.Errorf("starting the image's nix: %w", err)
	}
	m := regexp.MustCompile(`^nix \(Nix\) ([0-9]+(?:\.[0-9]+)+)`).FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("the image's nix calls itself %q", strings.TrimSpace(out))
	}
	if want := filepath.Base(s.of["nix-bin"])[hashChars+1:]; want != "nix-"+m[1] {
		return "", fmt.Errorf("the image's nix says %s, but its package is %s", m[1], want)
	}
	return m[1], nil
}

func hashFile(file string) (string, error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, in)
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
