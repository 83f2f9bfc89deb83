package nixstore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestFollow(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := Dir + "/" + digest + "-a"
	for link, target := range map[string]string{
		"result": path, "chain": "result", "up": "sub/../result", "bin": path + "/bin/", "through": "chain/bin/a", "here": ".",
		"loop": "loop", "out": "/usr", "dangling": "nowhere/at/all", "odd": Dir + "/odd", "sub/back": "../result", "store": Dir,
	} {
		if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	result := filepath.Join(dir, "result")
	for name, want := range map[string]Place{
		path:                           {Path: Path(path)},
		path + "/":                     {Path: Path(path)},
		path + "/bin/../lib":           {Path: Path(path), Below: "/lib"},
		"result":                       {Path: Path(path), Link: result},
		"./result/":                    {Path: Path(path), Link: result},
		"result/bin/a":                 {Path: Path(path), Below: "/bin/a", Link: result},
		"chain":                        {Path: Path(path), Link: result},
		"up":                           {Path: Path(path), Link: result},
		"sub/back":                     {Path: Path(path), Link: result},
		"sub/../result":                {Path: Path(path), Link: result},
		"here/here/result":             {Path: Path(path), Link: result},
		"through":                      {Path: Path(path), Below: "/bin/a", Link: result},
		"bin":                          {Path: Path(path), Below: "/bin"},
		"store/" + filepath.Base(path): {Path: Path(path)},
		filepath.Join(dir, "chain"):    {Path: Path(path), Link: result},
		dir + "/../" + filepath.Base(dir) + "/result": {Path: Path(path), Link: result},
	} {
		if got, err := Follow(dir, name); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, says := range map[string]string{
		"":                            "name a store path",
		"sub":                         "sub is not in /nix/store\nhint: name a store path, or a link to one such as ./result",
		"out":                         "is not in /nix/store",
		"nothing":                     "nothing does not exist\nhint: name a store path, or",
		"dangling":                    "dangling leads to " + dir + "/nowhere, which does not exist\nhint: name a store path, or",
		"loop":                        "no end to its links",
		"odd":                         "odd leads to /nix/store/odd, which is not a store path",
		Dir + "/odd":                  "\"/nix/store/odd\" is not a store path\nhint: name one, or a link to one",
		path + "/../odd":              "which is not a store path",
		path + "/../../../etc/passwd": "which is not a store path",
	} {
		if got, err := Follow(dir, name); err == nil || !strings.Contains(hint.Text(err), says) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
