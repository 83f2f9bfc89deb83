package version

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nixproxy/nixproxy/internal/hint"
)

var lines = []struct {
	output string
	want   Nix
}{
	{"nix (Nix) 2.34.8\n", Nix{Flavour: FlavourNix, Version: "2.34.8"}},
	{"nix (Nix) 2.4\n", Nix{Flavour: FlavourNix, Version: "2.4"}},
	{"nix (Nix) 2.3.16", Nix{Flavour: FlavourNix, Version: "2.3.16"}},
	{"nix (Nix) 2.29pre20250409_e76bbe41\n", Nix{Flavour: FlavourNix, Version: "2.29pre20250409_e76bbe41", Prerelease: true}},
	{"nix (Lix, like Nix) 2.95.2\n", Nix{Flavour: FlavourLix, Version: "2.95.2"}},
	{
		"nix (Lix, like Nix) 2.90.0-beta.1-lixpre20240506-b6799ab\nSystem type: aarch64-darwin\n",
		Nix{Flavour: FlavourLix, Version: "2.90.0-beta.1-lixpre20240506-b6799ab", Prerelease: true},
	},
	{"nix (Lix, like Nix) 2.90.0-beta.1\n", Nix{Flavour: FlavourLix, Version: "2.90.0-beta.1", Prerelease: true}},
	{"nix (Determinate Nix 3.21.9) 2.34.8\r\n", Nix{Flavour: FlavourNix, Version: "2.34.8", Determinate: true}},
	{"nix (Determinate Nix 3.0.0-pre) 2.26pre20250101_abc\n", Nix{Flavour: FlavourNix, Version: "2.26pre20250101_abc", Determinate: true, Prerelease: true}},
	{"nix (Nix) 2.26.3+dfsg\n", Nix{Flavour: FlavourNix, Version: "2.26.3+dfsg", Prerelease: true}},
}

func TestParse(t *testing.T) {
	for _, c := range lines {
		got, err := Parse(c.output)
		if err != nil {
			t.Errorf("%q: %v", c.output, err)
			continue
		}
		first, _, _ := strings.Cut(c.output, "\n")
		c.want.Line = strings.TrimSpace(first)
		if got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.output, got, c.want)
		}
	}
}

var strangers = []string{
	"", "\n", "nix", "nix (Nix)", "nix (Nix) ", "nix (Nix) two", "nix (Nix) 2", "nix (Nix) 2.", "nix (Nix) 2.04", "nix (Nix) 2.4 extra",
	"nix (Tvix) 1.0", "Nix (Nix) 2.4", "\nnix (Nix) 2.4", "nix (Determinate Nix) 2.4", "nix (Nix) 99999999999999999999.1",
	"nix (Nix) 2.4/../x", "nix (Nix) 2.4:x", "nix (Nix) 2.4-" + strings.Repeat("x", 300),
	"\x1b[31mnix \xff" + strings.Repeat("é", 200),
}

func TestParseRefuses(t *testing.T) {
	for _, output := range strangers {
		got, err := Parse(output)
		if err == nil {
			t.Errorf("%q: got %+v", output, got)
			continue
		}
		checkMessage(t, err)
	}
}

// checkMessage wants one short printable line, and a hint; one of them names the flag.
func checkMessage(t *testing.T, err error) {
	t.Helper()
	text := err.Error() + " " + hint.Of(err)
	if hint.Of(err) == "" || !strings.Contains(text, "--nix-version") || strings.ContainsAny(text, "\n\x1b") || len(text) > 500 || !utf8.ValidString(text) {
		t.Errorf("message %q", text)
	}
}

func TestParseRequested(t *testing.T) {
	good := map[string]Nix{
		"2.26.3":        {Flavour: FlavourNix, Version: "2.26.3"},
		"2.4":           {Flavour: FlavourNix, Version: "2.4"},
		"lix-2.95.2":    {Flavour: FlavourLix, Version: "2.95.2"},
		"lix:2.95.2":    {Flavour: FlavourLix, Version: "2.95.2"},
		"lix-2.90.0-rc": {Flavour: FlavourLix, Version: "2.90.0-rc", Prerelease: true},
		Default:         {Flavour: FlavourNix, Version: Default},
	}
	for in, want := range good {
		if got, err := ParseRequested(in); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "2", "latest", "lix", "lix-", "lix-lix-2.4", "nix:2.4", " 2.4", "2.4\n", "v2.4", "2.4/x", "2.-1"} {
		got, err := ParseRequested(in)
		if err == nil {
			t.Errorf("%q: got %+v", in, got)
			continue
		}
		checkMessage(t, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range lines {
		f.Add(c.output)
	}
	for _, s := range strangers {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, output string) {
		nix, err := Parse(output)
		if err != nil {
			checkMessage(t, err)
			return
		}
		if strings.ContainsAny(nix.Version, " \n\t/:@\x00") {
			t.Errorf("%q is no tag", nix.Version)
		}
		if again, err := Parse(nix.Line); err != nil || again != nix {
			t.Errorf("line %q read again: %+v, %v", nix.Line, again, err)
		}
		prefix := ""
		if nix.Flavour == FlavourLix {
			prefix = "lix-"
		}
		asked, err := ParseRequested(prefix + nix.Version)
		if err != nil || asked.Version != nix.Version || asked.Flavour != nix.Flavour || asked.Prerelease != nix.Prerelease {
			t.Errorf("%+v requested: %+v, %v", nix, asked, err)
		}
	})
}
