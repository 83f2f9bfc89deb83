package proxy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/state"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	netrc := filepath.Join(dir, "netrc")
	for path, content := range map[string]string{
		"nix.conf": "substituters = https://a file:///b\ntrusted-public-keys = k:1\naccess-tokens = h=secret\nexperimental-features = flakes\nnetrc-file = " + netrc,
		"netrc":    "machine m",
		"nix":      "#!/bin/sh\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"NIX_CONF_DIR": dir, "NIX_USER_CONF_FILES": "", "NIX_CONFIG": "extra-access-tokens = i=other", "PATH": dir} {
		t.Setenv(name, value)
	}
	states, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{State: states, Terminal: terminal.New(os.Stderr, terminal.Options{})}
	secrets := session.Secrets{Nix: "access-tokens = h=secret i=other\n", Netrc: []byte("machine m")}
	for name, test := range map[string]struct {
		wanted version.Nix
		asked  string
		nix    string
	}{
		"the host's Nix":    {version.Nix{Binary: "/bin/nix"}, "", "experimental-features = flakes\nsubstituters = https://a\ntrusted-public-keys = k:1"},
		"Determinate's":     {version.Nix{Binary: "/bin/nix", Determinate: true}, "", "experimental-features = flakes nix-command\nsubstituters = https://a\ntrusted-public-keys = k:1"},
		"another beside it": {version.Nix{Version: "2.8.0"}, "2.8.0", "experimental-features = flakes\nsubstituters = https://a\ntrusted-public-keys = k:1"},
		"none, the default": {version.Nix{Version: "2.8.0"}, "", "experimental-features = nix-command flakes"},
	} {
		p.Settings.NixVersion = test.asked
		c := p.configuration(test.wanted)
		if c.nix != test.nix || c.secrets.Nix != secrets.Nix || string(c.secrets.Netrc) != string(secrets.Netrc) || c.withheld != nil {
			t.Errorf("%s: got %+v", name, c)
		}
	}
	t.Setenv("NIX_CONFIG", "netrc-file = "+dir)
	if c := p.configuration(version.Nix{}); c.withheld == nil || c.secrets.Netrc != nil {
		t.Errorf("a netrc that cannot be read: %+v", c)
	}
}
