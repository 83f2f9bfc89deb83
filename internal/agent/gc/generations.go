package gc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
)

// profiles are those of them that lead to a generation of theirs: NAME -> NAME-N-link.
func profiles(v layout.Volume) (found []string) {
	for _, link := range v.ProfileLinks() {
		target, _ := os.Readlink(link)
		if generationOf(filepath.Base(link), filepath.Base(target)) {
			found = append(found, link)
		}
	}
	return found
}

// generationOf tells whether a link's name is a generation's of that profile.
func generationOf(profile, name string) bool {
	number, ok := strings.CutPrefix(name, profile+"-")
	number, isLink := strings.CutSuffix(number, "-link")
	return ok && isLink && number != "" && strings.Trim(number, "0123456789") == ""
}

const day = 24 * time.Hour

// removes is what Nix says of a generation (deleteGeneration2 in NixOS/nix
// src/libstore/profiles.cc).
var removes = regexp.MustCompile(`(?:would remove|removing) (?:profile version|generation) (\d+)`)

// deleteGenerations has Nix delete those generations of profiles that were not
// current any more that long ago, in whole days, which are what Nix counts in. It
// returns the links of those that went, or would.
func deleteGenerations(ctx context.Context, own nix.Own, profiles []string, age time.Duration, dryRun bool) (map[string]bool, error) {
	gone := map[string]bool{}
	args := []string{"--delete-generations", fmt.Sprintf("%dd", (age+day-1)/day)}
	if dryRun {
		args = append(args, "--dry-run")
	}
	for _, profile := range profiles {
		command := own.Command(ctx, "nix-env", append([]string{"--profile", profile}, args...)...)
		said, err := command.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("deleting old generations of profile %s: %w: %s", profile, err, strings.Join(strings.Fields(string(said)), " "))
		}
		for _, match := range removes.FindAllSubmatch(said, -1) {
			gone[filepath.Join(filepath.Dir(profile), fmt.Sprintf("%s-%s-link", filepath.Base(profile), match[1]))] = true
		}
	}
	return gone, nil
}
