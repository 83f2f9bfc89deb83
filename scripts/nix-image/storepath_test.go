package main

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

func TestBase32(t *testing.T) {
	// The first is the SHA-256 of nothing, as `nix-hash --type sha256 --base32 --flat` writes it.
	for text, want := range map[string]string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73",
		"00":   "00",
		"ff":   "7z",
		"0100": "0001",
	} {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := base32(data); got != want {
			t.Errorf("base32(%s) = %s, want %s", text, got, want)
		}
	}
}

func TestStorePath(t *testing.T) {
	path := storePath("nix-2.26.3", "a", "b")
	if !regexp.MustCompile(`^/nix/store/[0-9a-df-np-sv-z]{32}-nix-2\.26\.3$`).MatchString(path) {
		t.Errorf("%s is no store path", path)
	}
	if path != storePath("nix-2.26.3", "a", "b") {
		t.Error("equal inputs give different paths")
	}
	if path == storePath("nix-2.26.3", "ab") || path == storePath("nix-2.26.3", "b", "a") {
		t.Error("different inputs give the same path")
	}
	if got := hashPart(path); got != strings.TrimSuffix(strings.TrimPrefix(path, "/nix/store/"), "-nix-2.26.3") {
		t.Errorf("hashPart(%s) = %s", path, got)
	}
}

func TestStoreName(t *testing.T) {
	for _, c := range []struct{ pkg, version, want string }{
		{"nix-bin", "2.8.0-1.1+b1", "nix-2.8.0"},
		{"nix-bin", "2.26.3+dfsg-1", "nix-2.26.3"},
		{"nix-bin", "2.34.8+dfsg-1+b1", "nix-2.34.8"},
		{"nix-bin", "1:3.0~ds2-1", "nix-3.0"},
		{"git", "1:2.39.5-0+deb12u3", "git-2.39.5-0+deb12u3"},
		{"less", "590-2.1~deb12u2", "less-590-2.1-deb12u2"},
		{"libstdc++6", "12.2.0-14", "libstdc++6-12.2.0-14"},
	} {
		if got := storeName(c.pkg, c.version); got != c.want {
			t.Errorf("storeName(%s, %s) = %s, want %s", c.pkg, c.version, got, c.want)
		}
	}
}

func TestRelName(t *testing.T) {
	for debian, want := range map[string]string{
		"./usr/bin/git":                  "bin/git",
		"/bin/sh":                        "bin/sh",
		"/usr/sbin/nologin":              "bin/nologin",
		"/lib64/ld-linux-x86-64.so.2":    "lib64/ld-linux-x86-64.so.2",
		"/usr/lib/x86_64-linux-gnu/../x": "lib/x",
	} {
		if got := relName(debian); got != want {
			t.Errorf("relName(%s) = %s, want %s", debian, got, want)
		}
	}
}
