package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// aptRoot is an apt of our own for one suite: its lists, its empty status and its downloads lie
// in one folder, and the machine's apt is neither read nor changed.
type aptRoot struct {
	dir   string
	suite string
	arch  string
}

// deb is one downloaded package.
type deb struct {
	name    string
	version string
	file    string
}

// openApt lays out the folder and reads the suite's package list.
func openApt(ctx context.Context, dir, suite, arch, mirror string) (*aptRoot, error) {
	apt := &aptRoot{dir: dir, suite: suite, arch: arch}
	for _, sub := range []string{"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d",
		"var/lib/apt/lists/partial", "var/lib/dpkg", "var/cache/apt/archives/partial", "var/log/apt"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	source := fmt.Sprintf("deb [signed-by=%s] %s %s main\n", keyring, mirror, suite)
	for name, text := range map[string]string{"etc/apt/sources.list": source, "var/lib/dpkg/status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if _, err := apt.run(ctx, "apt-get", "update", "--error-on=any"); err != nil {
		return nil, fmt.Errorf("reading the package list of %s from %s (is it reachable?): %w", suite, mirror, err)
	}
	return apt, nil
}

func (a *aptRoot) run(ctx context.Context, program string, args ...string) (string, error) {
	options := []string{
		"-q",
		"-o", "Dir=" + a.dir,
		"-o", "Dir::State::status=" + filepath.Join(a.dir, "var/lib/dpkg/status"),
		"-o", "APT::Architecture=" + a.arch,
		"-o", "APT::Architectures=" + a.arch,
		"-o", "APT::Install-Recommends=false",
		"-o", "APT::Sandbox::User=root", // the cache may lie in a home that _apt cannot enter
		"-o", "Acquire::Check-Valid-Until=false", // a frozen mirror and forky have old Release files
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::Retries=3",
		"-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"-o", "Acquire::IndexTargets::deb::CNF::DefaultEnabled=false",
	}
	return output(ctx, program, append(options, args...)...)
}

// candidate gives the version of a package that the suite offers.
func (a *aptRoot) candidate(ctx context.Context, pkg string) (string, error) {
	out, err := a.run(ctx, "apt-cache", "--no-all-versions", "show", pkg)
	if err != nil {
		return "", fmt.Errorf("looking for %s in %s: %w", pkg, a.suite, err)
	}
	for line := range strings.Lines(out) {
		if version, ok := strings.CutPrefix(line, "Version: "); ok {
			return strings.TrimSpace(version), nil
		}
	}
	return "", fmt.Errorf("suite %s has no package %s", a.suite, pkg)
}

// download fetches the packages with everything that they depend on. What an earlier run fetched
// is used again.
func (a *aptRoot) download(ctx context.Context, pkgs []string) ([]deb, error) {
	if _, err := a.run(ctx, "apt-get", append([]string{"install", "-y", "--download-only"}, pkgs...)...); err != nil {
		return nil, fmt.Errorf("downloading the packages of %s: %w", a.suite, err)
	}
	plan, err := a.run(ctx, "apt-get", append([]string{"install", "--simulate"}, pkgs...)...)
	if err != nil {
		return nil, fmt.Errorf("listing the packages of %s: %w", a.suite, err)
	}
	debs := parsePlan(plan)
	for i, d := range debs {
		if debs[i].file, err = a.archive(d); err != nil {
			return nil, err
		}
	}
	return debs, nil
}

// parsePlan reads the "Inst name (version …)" lines of apt-get --simulate.
func parsePlan(plan string) []deb {
	var debs []deb
	for _, m := range regexp.MustCompile(`(?m)^Inst (\S+) \((\S+) `).FindAllStringSubmatch(plan, -1) {
		name, _, _ := strings.Cut(m[1], ":")
		debs = append(debs, deb{name: name, version: m[2]})
	}
	return debs
}

func (a *aptRoot) archive(d deb) (string, error) {
	version := strings.ReplaceAll(url.PathEscape(d.version), ":", "%3a")
	pattern := filepath.Join(a.dir, "var/cache/apt/archives", d.name+"_"+version+"_*.deb")
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("apt downloaded no archive of %s %s; remove %s and try again", d.name, d.version, a.dir)
	}
	return found[0], nil
}

// chooseSuite opens the candidates and gives the one whose nix-bin is the highest.
func chooseSuite(ctx context.Context, dir string, suites []string, arch, mirror string) (*aptRoot, error) {
	var best *aptRoot
	var highest string
	for _, suite := range suites {
		apt, err := openApt(ctx, filepath.Join(dir, suite+"-"+arch), suite, arch, mirror)
		if err != nil {
			return nil, err
		}
		version, err := apt.candidate(ctx, "nix-bin")
		if err != nil {
			return nil, err
		}
		if best == nil || newer(ctx, version, highest) {
			best, highest = apt, version
		}
	}
	return best, nil
}

// newer compares two package versions by Debian's rules.
func newer(ctx context.Context, a, b string) bool {
	_, err := output(ctx, "dpkg", "--compare-versions", a, "gt", b)
	return err == nil
}
