package version

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestClash(t *testing.T) {
	const line = "nix (Nix) "
	for _, test := range []struct {
		nix, other string
		want       string // empty: they can share
	}{
		{line + "2.35.0", line + "2.34.8", "2.35.0 would break the garbage collection of Nix 2.34.8"},
		{line + "2.34.8", line + "2.35.0", "Nix 2.35.0 has used the volume"},
		{line + "2.35", line + "2.3", "--nix-version 2.35.1"},
		{"nix (Determinate Nix 3.22.0) 2.35.0", line + "2.8.0", "2.35.0 would break"},
		{line + "2.35.0", line + "2.35.1", ""},
		{line + "2.36.0", line + "2.35.0", ""},
		{line + "2.35.0", line + "2.35.0", ""},
		{line + "2.35.1", line + "2.34.8", ""},
		{line + "2.35.0pre20260701_abcdef0", line + "2.34.8", ""},
		{"nix (Lix, like Nix) 2.95.2", line + "2.35.0", ""},
	} {
		nix, err := Parse(test.nix)
		if err != nil {
			t.Fatal(err)
		}
		other, err := Parse(test.other)
		if err != nil {
			t.Fatal(err)
		}
		switch err := nix.Clash(other); {
		case test.want == "" && err != nil:
			t.Errorf("%s beside %s: %v", test.nix, test.other, err)
		case test.want != "" && (err == nil || !strings.Contains(hint.Text(err), test.want)):
			t.Errorf("%s beside %s: %v, want %q", test.nix, test.other, err, test.want)
		}
	}
}

func TestAlone(t *testing.T) {
	for asked, want := range map[string]bool{"2.35.0": true, "2.35": true, "2.35.1": false, "2.34.8": false, "lix-2.35.0": false} {
		nix, err := ParseRequested(asked)
		if err != nil {
			t.Fatal(err)
		}
		if got := nix.Alone(); (got != nil) != want {
			t.Errorf("%s: %v", asked, got)
		}
	}
}

// It is neither chosen nor offered in place of another one.
func TestClashingVersionIsNoChoice(t *testing.T) {
	tags := []string{"2.35.0", "2.35.2", "2.34.8", "2.35"}
	if got := Nearest("2.35.1", tags); !slices.Equal(got, []string{"2.35.2"}) {
		t.Errorf("nearest: %q", got)
	}
	if got := Choices(tags, 9); !slices.Equal(got, []string{"2.35.2", "2.34.8"}) {
		t.Errorf("choices: %q", got)
	}
}
