package nixstore

import (
	"strings"
	"testing"
)

const digest = "ib3sh3pcz10wsmavxvkdbayhqivbghlq"

func TestSplit(t *testing.T) {
	for s, below := range map[string]string{
		Dir + "/" + digest + "-glibc-2.40":             "",
		Dir + "/" + digest + "-glibc-2.40/lib/libc.so": "/lib/libc.so",
		Dir + "/" + digest + "-x.drv/":                 "/",
		Dir + "/" + digest + "-.hidden":                "",
	} {
		path, got, err := Split(s)
		if err != nil || got != below || string(path)+got != s {
			t.Errorf("%s: %s, %s, %v", s, path, got, err)
		}
	}
	for _, s := range []string{
		"", "/nix/store", Dir + "/", "/nix/storeX" + digest + "-a", "/nix/store2/" + digest + "-a", digest + "-a", Dir + "/" + digest, Dir + "/" + digest + "-",
		Dir + "/" + digest[1:] + "-a", Dir + "/e" + digest[1:] + "-a", Dir + "/" + digest + "-a b", Dir + "/" + digest + "-..", Dir + "/" + digest + "-a\n",
		Dir + "/" + digest + "-" + strings.Repeat("a", 212), Dir + "/.links", "//nix/store/" + digest + "-a",
	} {
		if path, below, err := Split(s); err == nil {
			t.Errorf("%q: %s %s", s, path, below)
		}
	}
}

func TestParsePath(t *testing.T) {
	path, err := ParsePath(Dir + "/" + digest + "-glibc-2.40")
	if err != nil || path.Name() != "glibc-2.40" || path.Base() != digest+"-glibc-2.40" {
		t.Errorf("%s, %v", path, err)
	}
	if _, err := ParsePath(string(path) + "/lib"); err == nil || !strings.Contains(err.Error(), "is a file in store path") {
		t.Error(err)
	}
}
