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

// profiles returns the profiles that lead to a generation of their own: NAME ->
// NAME-N-link.
func profiles(v layout.Volume) (found []string) {
	for _, link := range v.ProfileLinks() {
		target, _ := os.Readlink(link)
		if generationOf(filepath.Base(link), filepath.Base(target)) {
			found = append(found, link)
		}
	}
	return found
}

// generationOf reports whether a link has the name of a generation of the profile.
func generationOf(profile, name string) bool {
	number, ok := strings.CutPrefix(name, profile+"-")
	number, isLink := strings.CutSuffix(number, "-link")
	return ok && isLink && number != "" && strings.Trim(number, "0123456789") == ""
}

const day = 24 * time.Hour

// removes matches what Nix prints for a generation (deleteGeneration2 in NixOS/nix
// src/libstore/profiles.cc).
var removes = regexp.MustCompile(`(?:would remove|removing) (?:profile version|generation) (\d+)`)

// deleteGenerations makes Nix delete the generations of profiles that have not been
// current for that time, rounded up to days, which is Nix's unit. It returns the links of
// those that were deleted, or would be.
func deleteGenerations(ctx context.Context, own nix.Own, profiles []string, age time.Duration, dryRun bool) (map[string]bool, error) {
	gone := map[string]bool{}
	args := []string{"--delete-generations", fmt.Sprintf("%dd", (age+day-1)/day)}
	if dryRun {
		args = append(args, "--dry-run")
	}
	for _, profile := range profiles {
		command := own.Command(ctx, "nix-env", append([]string{"--profile", profile}, args...)...)
		output, err := command.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("deleting old generations of profile %s: %w: %s", profile, err, strings.Join(strings.Fields(string(output)), " "))
		}
		for _, match := range removes.FindAllSubmatch(output, -1) {
			gone[filepath.Join(filepath.Dir(profile), fmt.Sprintf("%s-%s-link", filepath.Base(profile), match[1]))] = true
		}
	}
	return gone, nil
}
