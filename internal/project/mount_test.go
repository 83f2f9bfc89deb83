package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asked finds what is mounted for cwd with --mount.
func asked(t *testing.T, cwd, home string, mounts ...string) Project {
	t.Helper()
	got, err := Find(cwd, home, Choice{Mounts: mounts}, Local())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestMount(t *testing.T) {
	root, home := tempHome(t)
	dir := filepath.Join(root, "p")
	write(t, dir+"/sub/file", "x")
	write(t, root+"/other dir/.ro", "x")
	symlink(t, root+"/other dir", dir+"/link")
	own := Mount{Source: dir, Target: dir}
	other := root + "/other dir"
	for text, want := range map[string]Mount{
		"../other dir":           {other, other, false},
		other + ":ro":            {other, other, true},
		other + ":/x":            {other, "/x", false},
		other + ":/x:ro":         {other, "/x", true},
		other + ":/ro":           {other, "/ro", false},
		other + ":/x/":           {other, "/x", false},
		other + "/.ro:/x/./y/..": {other + "/.ro", "/x", false},
		"link":                   {other, other, false},
		"link/../p/sub/file:ro":  {dir + "/sub/file", dir + "/sub/file", true},
		"sub:" + other:           {dir + "/sub", other, false},
		home + ":/home/me":       {home, "/home/me", false},
	} {
		got := asked(t, dir, home, text)
		if !slices.Equal(got.Mounts, []Mount{own, want}) || got.Dir != dir || got.Root != dir {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
	if got := asked(t, dir, home, ".:ro"); !slices.Equal(got.Mounts, []Mount{{dir, dir, true}}) || got.Dir != dir || len(got.Safe) == 0 {
		t.Errorf("the project read-only: %+v", got)
	}
	if got := asked(t, dir, home, "sub", "./sub", other); !slices.Equal(got.Mounts[1:], samePaths([]string{dir + "/sub", other})) {
		t.Errorf("twice the same: %+v", got)
	}
}

func TestMountErrors(t *testing.T) {
	root, home := tempHome(t)
	for text, want := range map[string]string{
		"":                   "names no source",
		":/x":                "names no source",
		":ro":                "names no source",
		"gone":               root + "/gone does not exist",
		"~/x":                root + "/~/x does not exist",
		root + "/gone:/x:ro": root + "/gone does not exist",
		".:x":                `"x" is not an absolute path`,
		".:":                 `"" is not an absolute path`,
		".:ro:ro":            `"ro" is not an absolute path`,
		".:/x:rw":            `"/x:rw" is not an absolute path without a colon`,
		".:/x:/y:ro":         "without a colon",
		"/":                  "the root directory cannot be mounted",
		"/..":                "the root directory cannot be mounted",
		".:/":                "nothing can be mounted at /:",
		".:/nix/store":       "/nix is the system's",
		".:/x/../etc/ssl":    "nothing can be mounted at /etc/ssl",
		".:/root":            "/root is the system's",
		".:/tmp/":            "/tmp is the system's",
		".:/nixproxy":        "/nixproxy is the system's",
		"/etc":               "nothing can be mounted at /etc",
	} {
		got, err := Find(root, home, Choice{NoMount: true, Mounts: []string{text}}, Local())
		if err == nil || !strings.HasPrefix(err.Error(), "--mount "+text+": ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	mkdir(t, root+"/a")
	mkdir(t, root+"/b")
	for _, pair := range [][]string{{"a:/x", "b:/x"}, {"a:/x", "a:/x:ro"}, {"a", "b:" + root + "/a/"}} {
		if got, err := Find(root, home, Choice{NoMount: true, Mounts: pair}, Local()); err == nil || !strings.Contains(err.Error(), "something else") {
			t.Errorf("%q: got %+v, %v", pair, got, err)
		}
	}
}

// What the user names is mounted where nothing would be by itself, the home directory too.
func TestMountWithoutAProject(t *testing.T) {
	root, home := tempHome(t)
	mkdir(t, home+"/a")
	for mount, dir := range map[string]string{"a": "", ".": home, "..": home, ".:/h": "/h", "..:/up": "/up/home"} {
		got := asked(t, home, home, mount)
		if len(got.Mounts) != 1 || got.Dir != dir || got.Note != "" || got.Root != "" || got.Safe != nil {
			t.Errorf("in the home directory with %s: %+v", mount, got)
		}
	}
	top := repo(t, root+"/r")
	got, err := Find(top, home, Choice{NoMount: true}, Local())
	if err != nil || len(got.Mounts) != 0 || got.Dir != "" || got.Safe != nil || got.Note != "" || got.Root != "" {
		t.Errorf("nothing of a project: %+v, %v", got, err)
	}
}

func TestWorkdir(t *testing.T) {
	root, home := tempHome(t)
	top := repo(t, root+"/r")
	mkdir(t, top+"/a/b")
	mkdir(t, root+"/other/deep")
	mkdir(t, root+"/unseen")
	symlink(t, "a/b", top+"/link")
	symlink(t, root+"/other", top+"/out")
	for _, test := range []struct {
		name, workdir string
		mounts        []string
		dir           string
	}{
		{"below", "b", nil, top + "/a/b"},
		{"above, in the project", "..", nil, top},
		{"absolute", top + "/a/b/", nil, top + "/a/b"},
		{"through a link", "../link", nil, top + "/a/b"},
		{"a link's parent", top + "/link/..", nil, top + "/a"},
		{"inside only", "/nix/store", nil, "/nix/store"},
		{"on both, and not mounted", "/tmp", nil, "/tmp"},
		{"nowhere", "gone", nil, top + "/a/gone"},
		{"out of the project", "../out", nil, top + "/out"},
		{"mounted besides", "../out", []string{root + "/other"}, root + "/other"},
		{"mounted elsewhere", root + "/other/deep", []string{root + "/other:/o"}, "/o/deep"},
		{"its name inside", "/o/deep", []string{root + "/other:/o"}, "/o/deep"},
		{"the nearest of two", root + "/other/deep", []string{root + "/other:/o", root + "/other/deep:/d"}, "/d"},
		{"at its own path first", "b", []string{"b:/b"}, top + "/a/b"},
		{"here", "", []string{".:/b"}, top + "/a"},
	} {
		got, err := Find(top+"/a", home, Choice{Mounts: test.mounts, Workdir: test.workdir}, Local())
		if err != nil || got.Dir != test.dir || got.Root != top {
			t.Errorf("%s: got %+v, %v; want %s", test.name, got, err, test.dir)
		}
	}
	got, err := Find(top+"/a", home, Choice{NoMount: true, Workdir: "b"}, Local())
	if err != nil || got.Dir != top+"/a/b" || len(got.Mounts) != 0 {
		t.Errorf("without the project: %+v, %v", got, err)
	}
	if got, err = Find(home, home, Choice{Workdir: "/nix"}, Local()); err != nil || got.Dir != "/nix" || got.Note == "" {
		t.Errorf("in the home directory: %+v, %v", got, err)
	}
}

// mac is a place with a Mac's habits: a disk that ignores case, and /tmp and /var that
// are links into /private.
func mac(t *testing.T) (root, home string, sys System) {
	root, home = tempHome(t)
	for _, dir := range []string{"tmp", "var"} {
		mkdir(t, root+"/private/"+dir)
		symlink(t, "private/"+dir, root+"/"+dir)
	}
	mkdir(t, root+"/Work/Flake/src")
	symlink(t, "Work", root+"/work") // it can be opened by both names
	return root, home, System{RealCase: func(path string) (string, error) {
		for _, name := range []string{root + "/Work", root + "/Work/Flake", root + "/Work/Flake/src"} {
			if strings.EqualFold(path, name) {
				return name, nil
			}
		}
		return path, nil
	}}
}

func TestMacHabits(t *testing.T) {
	root, home, sys := mac(t)
	mkdir(t, root+"/private/tmp/x")
	mkdir(t, root+"/private/var/folders/zz/T/x")
	for _, test := range []struct {
		cwd         string
		choice      Choice
		source, dir string
	}{
		{root + "/tmp/x", Choice{}, root + "/private/tmp/x", root + "/private/tmp/x"},
		{root + "/var/folders/zz/T/x", Choice{}, root + "/private/var/folders/zz/T/x", root + "/private/var/folders/zz/T/x"},
		{root + "/work/Flake", Choice{}, root + "/Work/Flake", root + "/Work/Flake"},
		{root + "/work/Flake", Choice{Workdir: "../../tmp/x/"}, root + "/Work/Flake", root + "/tmp/x"},
		{root + "/work/Flake", Choice{Workdir: "src"}, root + "/Work/Flake", root + "/Work/Flake/src"},
		{home, Choice{Mounts: []string{root + "/work/Flake:ro"}}, root + "/Work/Flake", ""},
		{home, Choice{Mounts: []string{root + "/tmp/x"}, Workdir: root + "/tmp/x"}, root + "/private/tmp/x", root + "/private/tmp/x"},
	} {
		got, err := Find(test.cwd, home, test.choice, sys)
		if err != nil || len(got.Mounts) != 1 || got.Mounts[0].Source != test.source || got.Mounts[0].Target != test.source || got.Dir != test.dir {
			t.Errorf("%s %+v: got %+v, %v", test.cwd, test.choice, got, err)
		}
	}
}
