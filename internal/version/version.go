// Package version finds which Nix the host runs, and which image tags can mean it.
package version

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// Default is the version that is used when the host has no Nix and none was asked for.
const Default = "2.34.8"

// Flavour is the implementation of Nix. Each has images of its own.
type Flavour string

// The known flavours. Determinate Nix is FlavourNix with Nix.Determinate set: it has no
// image of its own.
const (
	FlavourNix Flavour = "nix"
	FlavourLix Flavour = "lix"
)

// Nix is one version of Nix.
type Nix struct {
	Flavour     Flavour
	Version     string // what an image's tag would be, as Nix writes it: "2.34.8", "2.4", "2.29pre20250409_e76bbe41"
	Determinate bool   // Version is then the upstream version it was built from
	Prerelease  bool   // anything after the numbers, such as "pre…" or "-beta.1"
	Line        string // the line that Parse read; empty for a requested version
	Binary      string // where it was found, links not resolved; empty when not from a host
}

// versionLine is the first line of `nix --version`. The flavour is in the parentheses.
var versionLine = regexp.MustCompile(`^nix \((Nix|Lix, like Nix|Determinate Nix [^()]+)\) (\S+)$`)

// Parse reads the first line of the output of `nix --version`.
func Parse(output string) (Nix, error) {
	line, _, _ := strings.Cut(output, "\n")
	line = strings.TrimSpace(line)
	match := versionLine.FindStringSubmatch(line)
	if match == nil {
		return Nix{}, unknownLine(line)
	}
	number, ok := parseNumber(match[2])
	if !ok {
		return Nix{}, unknownLine(line)
	}
	nix := Nix{Flavour: FlavourNix, Version: match[2], Prerelease: number.prerelease(), Line: line}
	switch match[1] {
	case "Nix":
	case "Lix, like Nix":
		nix.Flavour = FlavourLix
	default:
		nix.Determinate = true
	}
	return nix, nil
}

// nameVersion is the hint for a Nix whose version cannot be found out.
const nameVersion = "name the version with --nix-version"

func unknownLine(line string) error {
	return hint.Add(fmt.Errorf("reading Nix's version: unknown form %s", quoted(line)), nameVersion)
}

// ParseRequested reads the value of --nix-version: "2.26.3", "2.4", "lix-2.95.2" or "lix:2.95.2".
func ParseRequested(s string) (Nix, error) {
	flavour, version := FlavourNix, s
	for _, prefix := range []string{"lix-", "lix:"} {
		if rest, found := strings.CutPrefix(s, prefix); found {
			flavour, version = FlavourLix, rest
		}
	}
	number, ok := parseNumber(version)
	if !ok {
		return Nix{}, hint.Add(fmt.Errorf("--nix-version %s is not a version", quoted(s)), "write one like %s, or lix-2.95.2 for Lix", Default)
	}
	return Nix{Flavour: flavour, Version: version, Prerelease: number.prerelease()}, nil
}

// quoted makes foreign text safe and short enough for one line of an error.
func quoted(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
