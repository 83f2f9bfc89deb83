package main

import (
	"errors"
	"io"
	"testing"
)

func TestParseArgs(t *testing.T) {
	opts, suites, err := parseArgs([]string{"--arch", "arm64", "newest", "trixie"}, io.Discard)
	if err != nil || opts.arch != "arm64" || len(suites) != 2 {
		t.Errorf("parseArgs = %+v, %v, %v", opts, suites, err)
	}
	for _, wrong := range [][]string{nil, {"jessie"}, {"--no-such-flag", "trixie"}} {
		if _, _, err := parseArgs(wrong, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("parseArgs(%q) = %v, want wrong usage", wrong, err)
		}
	}
}

func TestRecipeKeyTellsImagesApart(t *testing.T) {
	amd, arm := platform{debian: "amd64"}, platform{debian: "arm64"}
	keys := map[string]bool{recipeKey("trixie", amd): true, recipeKey("trixie", arm): true, recipeKey("newest", amd): true}
	if len(keys) != 3 {
		t.Errorf("keys are %v", keys)
	}
}
