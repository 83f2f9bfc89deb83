package terminal

import (
	"errors"
	"testing"
)

func TestAdviceHasTheFlagsThatWereGiven(t *testing.T) {
	for text, want := range map[string]string{
		"broken: `nixproxy volume verify --repair` mends it":     "broken: `nixproxy --volume=mine volume verify --repair` mends it",
		"`nixproxy rm`, and `nixproxy run -- nix build .#x`":     "`nixproxy --volume=mine rm`, and `nixproxy --volume=mine run -- nix build .#x`",
		"no such flag; see `nixproxy run --help`":                "no such flag; see `nixproxy run --help`",
		"`docker pull x`, of what nixproxy knows nothing":        "`docker pull x`, of what nixproxy knows nothing",
		"another nixproxy runs `nix build`; see nixproxy's page": "another nixproxy runs `nix build`; see nixproxy's page",
	} {
		term, out, _ := newTest(Options{Given: "--volume=mine"})
		term.Error(errors.New(text))
		if got := out.String(); got != "nixproxy: "+want+"\n" {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := New(out, Options{}).Advised(text); got != text {
			t.Errorf("without flags: %q", got)
		}
	}
}
