package nixconf

import (
	"slices"
	"testing"
)

func TestSession(t *testing.T) {
	const keys = "trusted-public-keys = k:1\n"
	for name, c := range map[string]struct {
		config          Config
		session, secret string
	}{
		"nothing": {Config{}, "", ""},
		"a host without Nix": {
			Config{ExperimentalFeatures: []string{"x"}, Substituters: []string{"https://u:p@a"}, TrustedPublicKeys: []string{"k"}, AccessTokens: []string{"a=b"}}.WithoutNix(),
			"experimental-features = nix-command flakes\n", "access-tokens = a=b\n",
		},
		"features":            {Config{ExperimentalFeatures: []string{"nix-command", "flakes"}}, "experimental-features = nix-command flakes\n", ""},
		"no line of its own":  {Config{ExperimentalFeatures: []string{"a\nsandbox = false", "flakes", "flakes", ""}}, "experimental-features = flakes\n", ""},
		"no feature":          {Config{ExperimentalFeatures: []string{"a b"}}, "", ""},
		"substituters":        {Config{Substituters: []string{"https://a", "file:///b", "https://c?x=y"}, TrustedPublicKeys: []string{"k:1"}}, "substituters = https://a https://c?x=y\n" + keys, ""},
		"no substituter":      {Config{Substituters: []string{}, TrustedPublicKeys: []string{}}, "substituters =\ntrusted-public-keys =\n", ""},
		"none that is usable": {Config{Substituters: []string{"daemon"}, TrustedPublicKeys: []string{"k:1"}}, "substituters =\n" + keys, ""},
		"a password":          {Config{Substituters: []string{"https://a", "https://u:p@b"}, TrustedPublicKeys: []string{"k:1"}}, keys, "substituters = https://a https://u:p@b\n"},
		"tokens":              {Config{AccessTokens: []string{"a=b", "c=d\ne"}, NetrcFile: "/n"}, "", "access-tokens = a=b\n"},
	} {
		if session, secret := c.config.Session(), c.config.Secrets(); session != c.session || secret != c.secret {
			t.Errorf("%s: got %q and %q", name, session, secret)
		}
	}
}

func TestSubstitutersThatWorkInside(t *testing.T) {
	for _, inside := range []string{
		"https://cache.nixos.org/", "http://10.0.0.1:5000", "https://cache.example?priority=10", "s3://bucket?region=eu", "ssh://nix@host", "ssh-ng://host",
		"HTTPS://x", "https://u:p@host/x", "http://[fd00::1]:80", "s3://localhost", "http://localhost.example",
	} {
		if !worksInside(inside) {
			t.Errorf("%s is left out", inside)
		}
	}
	for _, host := range []string{
		"file:///var/cache", "/var/cache", "~/x", "./x", "daemon", "local", "auto", "", "local?root=/x", "local://", "unix:///x", "unix://", "dummy://", "ftp://x",
		"http://localhost:5000", "http://LOCALHOST.", "http://127.0.0.2", "http://[::1]:80", "http://0.0.0.0", "http://a.localhost", "ssh://localhost", "http://", "http://%zz", "http://a#b",
	} {
		if worksInside(host) {
			t.Errorf("%s is let in", host)
		}
	}
}

func TestCredentialsInAddresses(t *testing.T) {
	with := []string{"https://u:p@h", "https://token@h", "ssh://u:p@h", "https://:p@h"}
	without := []string{"https://h", "https://h/u:p@x", "ssh://nix@h", "ssh-ng://nix@h", "daemon", "%zz"}
	for _, address := range slices.Concat(with, without) {
		if got := holdsCredentials(address); got != slices.Contains(with, address) {
			t.Errorf("%s: got %v", address, got)
		}
	}
}
