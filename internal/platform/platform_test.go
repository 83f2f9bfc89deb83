package platform

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"linux/amd64": "linux/amd64", "amd64": "linux/amd64", "x86_64": "linux/amd64", "x86-64": "linux/amd64", "linux/x86_64": "linux/amd64", "linux/amd64/v1": "linux/amd64",
		"linux/arm64": "linux/arm64", "arm64": "linux/arm64", "aarch64": "linux/arm64", "linux/aarch64": "linux/arm64", "linux/arm64/v8": "linux/arm64", "arm64/v8": "linux/arm64",
		"Linux/ARM64": "linux/arm64", "linux/amd64/v3": "linux/amd64/v3", "linux/arm/v6": "linux/arm/v6", "riscv64": "linux/riscv64", "linux/386": "linux/386", "i386": "linux/386", "aarch64-linux": "linux/arm64", "x86_64-linux": "linux/amd64",
	} {
		if got, err := Parse(text); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "linux", "darwin", "darwin/arm64", "aarch64-darwin", "linux/", "/arm64", "linux/foo", "foo", "linux/arm64/v8/x", "linux(6)/arm64", "linux/*", "arm64/linux/v8/x", "linux/linux"} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), "not a Linux platform") {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func TestSplit(t *testing.T) {
	for name, want := range map[string][3]string{
		"": {}, "linux/arm64": {"linux", "arm64", ""}, "linux/aarch64/v8": {"linux", "arm64", ""}, "linux/arm/v6": {"linux", "arm", "v6"}, "windows/amd64": {"windows", "amd64", ""}, "a//b": {},
	} {
		os, arch, variant := Split(name)
		if got := [3]string{os, arch, variant}; got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
