package hoststore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

const (
	thin   = "\xcf\xfa\xed\xfe\x0c\x00\x00\x01 and so on"
	fat    = "\xca\xfe\xba\xbe\x00\x00\x00\x02 and so on"
	java   = "\xca\xfe\xba\xbe\x00\x00\x00\x34 and so on"
	linux  = "\x7fELF\x02\x01\x01\x00 and so on"
	digest = "ib3sh3pcz10wsmavxvkdbayhqivbghlq"
)

func path(name string) nixstore.Path { return nixstore.Path(nixstore.Dir + "/" + digest + "-" + name) }

// put makes a file in a store path below root.
func put(t *testing.T, root string, p nixstore.Path, file, content string, mode os.FileMode) {
	t.Helper()
	name := filepath.Join(root, string(p), file)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestForLinux(t *testing.T) {
	for name, test := range map[string]struct {
		file, content string
		mode          os.FileMode
		ca            string
		mac           bool
	}{
		"a program":              {"bin/a", thin, 0o555, "", true},
		"a universal one":        {"bin/a", fat, 0o555, "", true},
		"a large universal one":  {"bin/a", "\xca\xfe\xba\xbf" + fat[4:], 0o555, "", true},
		"the path itself":        {"", thin, 0o555, "", true},
		"deep in it":             {"Applications/A.app/Contents/MacOS/A", thin, 0o555, "", true},
		"a Linux program":        {"bin/a", linux, 0o555, "", false},
		"a Java class":           {"bin/a.class", java, 0o555, "", false},
		"a script":               {"bin/a", "#!/bin/sh\n", 0o555, "", false},
		"a short file":           {"bin/a", "\xcf\xfa\xed\xfe", 0o555, "", false},
		"an empty file":          {"bin/a", "", 0o555, "", false},
		"a file among test data": {"share/testdata", thin, 0o444, "", false},
		"a source":               {"prebuilt/a", thin, 0o555, "fixed:r:sha256:x", false},
	} {
		root := t.TempDir()
		put(t, root, path("a"), test.file, test.content, test.mode)
		err := ForLinux(root, []nixstore.Info{{Path: path("a"), CA: test.ca}})
		var mac *MacOSError
		if is := errors.As(err, &mac); is != test.mac || !is && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if is && (mac.Path != path("a") || mac.NeededBy != "") {
			t.Errorf("%s: %+v", name, mac)
		}
	}
}

func TestForLinuxNamesWhoNeedsIt(t *testing.T) {
	root := t.TempDir()
	put(t, root, path("bash"), "bin/bash", thin, 0o555)
	put(t, root, path("script"), "bin/script", "#!"+string(path("bash"))+"/bin/bash\n", 0o555)
	err := ForLinux(root, []nixstore.Info{
		{Path: path("bash"), References: []nixstore.Path{path("bash")}},
		{Path: path("script"), References: []nixstore.Path{path("bash")}},
	})
	want := string(path("bash")) + " is built for macOS (bin/bash), and " + string(path("script")) + " needs it: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A store that is elsewhere can be read only through Nix.
func TestForLinuxWithoutTheFiles(t *testing.T) {
	if err := ForLinux(t.TempDir(), []nixstore.Info{{Path: path("a")}}); err != nil {
		t.Error(err)
	}
}
