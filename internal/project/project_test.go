package project

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// tempHome makes a temporary root with a home directory in it.
func tempHome(t *testing.T) (root, home string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home = filepath.Join(root, "home")
	mkdir(t, home)
	return root, home
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

// repo makes a repository with one commit.
func repo(t *testing.T, dir string) string {
	t.Helper()
	mkdir(t, dir)
	git(t, dir, "init", "-q")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "x")
	return dir
}

// samePaths returns mounts of host paths at the same paths.
func samePaths(paths []string) (mounts []Mount) {
	for _, path := range paths {
		mounts = append(mounts, Mount{Source: path, Target: path})
	}
	return mounts
}

// check finds the project of cwd and compares; mounts[0] is its root.
func check(t *testing.T, cwd, home, dir string, mounts ...string) Project {
	t.Helper()
	got, err := Find(cwd, home, Choice{}, Local())
	if err != nil {
		t.Fatal(err)
	}
	if got.Dir != dir || !slices.Equal(got.Mounts, samePaths(mounts)) || got.Note != "" || got.Root != mounts[0] || !slices.Contains(got.Safe, got.Root) {
		t.Errorf("%s: got %+v, want %s in %s", cwd, got, dir, mounts)
	}
	return got
}

func TestPlainDirectory(t *testing.T) {
	root, home := tempHome(t)
	dir := filepath.Join(home, "some where")
	mkdir(t, dir)
	before := check(t, dir, home, dir, dir)
	repo(t, dir)
	if after := check(t, dir, home, dir, dir); !slices.Equal(before.Safe, after.Safe) {
		t.Errorf("git init changed Safe from %q to %q", before.Safe, after.Safe)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	check(t, link, home, dir, dir)
}

func TestRepository(t *testing.T) {
	root, home := tempHome(t)
	top := repo(t, filepath.Join(root, "r"))
	deep := filepath.Join(top, "a/b")
	mkdir(t, filepath.Join(deep, ".git")) // empty, so not a repository
	got := check(t, deep, home, deep, top)
	if !slices.Equal(got.Safe, []string{top, top + "/.git"}) {
		t.Errorf("safe %q", got.Safe)
	}
	check(t, filepath.Join(top, ".git/objects"), home, filepath.Join(top, ".git/objects"), top)
}

func TestWorktree(t *testing.T) {
	root, home := tempHome(t)
	top := repo(t, filepath.Join(root, "r"))
	tree, inner := filepath.Join(root, "w"), filepath.Join(top, "inner")
	git(t, top, "worktree", "add", "-q", tree)
	git(t, top, "worktree", "add", "-q", inner)
	mkdir(t, filepath.Join(tree, "sub"))
	got := check(t, filepath.Join(tree, "sub"), home, filepath.Join(tree, "sub"), tree, top+"/.git")
	if want := []string{tree, tree + "/.git", top + "/.git", top + "/.git/worktrees/w"}; !slices.Equal(got.Safe, want) {
		t.Errorf("safe %q, want %q", got.Safe, want)
	}
	check(t, inner, home, inner, inner, top+"/.git")
	if err := os.RemoveAll(top); err != nil {
		t.Fatal(err)
	}
	check(t, tree, home, tree, tree)
}

func TestBareRepositoryWithWorktree(t *testing.T) {
	root, home := tempHome(t)
	source := repo(t, filepath.Join(root, "r"))
	bare := filepath.Join(root, "p/.bare")
	git(t, root, "clone", "-q", "--bare", source, bare)
	tree := filepath.Join(root, "p/main")
	git(t, bare, "worktree", "add", "-q", "-b", "main2", tree)
	check(t, tree, home, tree, tree, bare)
	check(t, bare, home, bare, bare)
}

func TestSeparateGitDirAndLink(t *testing.T) {
	root, home := tempHome(t)
	top, apart := filepath.Join(root, "top"), filepath.Join(root, "apart.git")
	git(t, root, "init", "-q", "--separate-git-dir", apart, top)
	check(t, top, home, top, top, apart)
	linked := filepath.Join(root, "linked")
	mkdir(t, linked)
	if err := os.Symlink(apart, filepath.Join(linked, ".git")); err != nil {
		t.Fatal(err)
	}
	check(t, linked, home, linked, linked, apart)
}

func TestSubmodules(t *testing.T) {
	root, home := tempHome(t)
	leaf := repo(t, filepath.Join(root, "leaf"))
	middle := repo(t, filepath.Join(root, "middle"))
	git(t, middle, "submodule", "--quiet", "add", leaf, "leaf")
	git(t, middle, "commit", "-q", "-m", "leaf")
	top := repo(t, filepath.Join(root, "modules/top"))
	git(t, top, "submodule", "--quiet", "add", middle, "middle")
	git(t, top, "commit", "-q", "-m", "middle")
	git(t, top, "submodule", "--quiet", "update", "--init", "--recursive")

	sub := filepath.Join(top, "middle")
	got := check(t, sub, home, sub, sub, top+"/.git")
	below := []string{sub + "/leaf", sub + "/leaf/.git", top + "/.git/modules/middle/modules/leaf"}
	if want := append([]string{sub, sub + "/.git", top + "/.git", top + "/.git/modules/middle"}, below...); !slices.Equal(got.Safe, want) {
		t.Errorf("safe %q, want %q", got.Safe, want)
	}
	got = check(t, top, home, top, top)
	if want := append([]string{top, top + "/.git", sub, sub + "/.git", top + "/.git/modules/middle"}, below...); !slices.Equal(got.Safe, want) {
		t.Errorf("safe %q, want %q", got.Safe, want)
	}
	check(t, sub+"/leaf", home, sub+"/leaf", sub+"/leaf", top+"/.git")
	check(t, top, home, top, top)

	tree := filepath.Join(root, "tree")
	git(t, top, "worktree", "add", "-q", tree)
	git(t, tree, "submodule", "--quiet", "update", "--init", "--recursive")
	check(t, tree+"/middle/leaf", home, tree+"/middle/leaf", tree+"/middle/leaf", top+"/.git")
}

// Only what is a repository, below the project and mounted is trusted for its sake.
func TestHostileSubmodules(t *testing.T) {
	root, home := tempHome(t)
	top := repo(t, root+"/top")
	other := repo(t, root+"/other")
	mkdir(t, top+"/empty")
	symlink(t, other, top+"/link")
	write(t, top+"/outer/.git", "gitdir: "+other+"/.git")
	repo(t, top+"/own")
	write(t, top+"/.gitmodules", "[submodule \"x\"]\n\tpath = empty\n\tpath = link\n\tpath = ..\n\tpath = ../other\n\tpath = "+other+
		"\n\tpath = .\n\tpath =\n\tpath\n\tpath = gone\n\tpath = outer\n path=\"own\"\n\turl = path = empty\n")
	got := check(t, top, home, top, top)
	if want := []string{top, top + "/.git", top + "/own", top + "/own/.git"}; !slices.Equal(got.Safe, want) {
		t.Errorf("safe %q, want %q", got.Safe, want)
	}
}

// A .git file of a stranger's cannot have a directory mounted that is no repository, nor
// the home directory.
func TestHostileGitFile(t *testing.T) {
	root, home := tempHome(t)
	dir := filepath.Join(root, "d")
	write(t, home+"/.ssh/id", "secret")
	for _, content := range []string{"gitdir: ../home/.ssh", "gitdir: " + home + "\n", "gitdir: /", "gitdir: /etc", "gitdir: ", "gitdir: \x00", "x", ""} {
		write(t, dir+"/.git", content)
		check(t, dir, home, dir, dir)
	}
	git(t, root, "init", "-q", "--bare", home)
	write(t, dir+"/.git", "gitdir: "+home)
	if got, err := Find(dir, home, Choice{}, Local()); err == nil || !strings.Contains(err.Error(), home) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHomeIsNeverMounted(t *testing.T) {
	root, home := tempHome(t)
	repo(t, home)
	repo(t, root)
	below := filepath.Join(home, "proj")
	mkdir(t, below)
	check(t, below, home, below, below)
	side := filepath.Join(root, "side")
	mkdir(t, side)
	check(t, side, home, side, side)
	link := filepath.Join(t.TempDir(), "h")
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{home, home}, {root, home}, {"/", home}, {link, home}, {home, link}, {"/", ""}, {"/", "/nonexistent"}} {
		got, err := Find(c[0], c[1], Choice{}, Local())
		if err != nil || got.Root != "" || got.Dir != "" || len(got.Mounts) != 0 || len(got.Safe) != 0 || got.Note == "" || strings.Contains(got.Note, "\n") {
			t.Errorf("%q with home %q: got %+v, %v", c[0], c[1], got, err)
		}
	}
}

func TestHides(t *testing.T) {
	for path, hidden := range map[string]string{
		"/nix": "/nix", "/nix/store/x": "/nix", "/etc": "/etc", "/etc/nixos": "/etc", "/proc/1": "/proc", "/sys": "/sys", "/dev/shm": "/dev",
		"/bin": "/bin", "/sbin/x": "/sbin", "/usr/src": "/usr", "/lib": "/lib", "/lib64": "/lib64", "/private/etc": "/private/etc",
		"/nixproxy/agent": "/nixproxy", "/": "/", "/root": "/root", "/tmp": "/tmp", "/private/tmp": "/private/tmp", "/var": "/var", "/run": "/run",
		"/root/.nix-profile": "/root/.nix-profile", "/root/.nix-defexpr/channels": "/root/.nix-defexpr",
		"/root/proj": "", "/tmp/x": "", "/nixos": "", "/home/u": "", "/private/tmp/x": "", "/private/var/folders/x": "", "/library": "", "/var/lib/x": "",
		"/Users/u": "", "/Volumes/Disk": "", "/nixproxy2": "",
	} {
		if got := hides(path); got != hidden {
			t.Errorf("%s hides %q, want %q", path, got, hidden)
		}
	}
	for _, path := range []string{"/etc", "/usr/lib", "/tmp", "/dev"} {
		got, err := Find(path, "/home/u", Choice{}, Local())
		if err == nil || !strings.HasPrefix(err.Error(), path+" cannot be mounted") || !strings.Contains(hint.Of(err), "--no-mount") {
			t.Errorf("%s: got %+v, %v", path, got, err)
		}
		if got, err = Find(path, "/home/u", Choice{NoMount: true}, Local()); err != nil || len(got.Mounts) != 0 || got.Dir != "" {
			t.Errorf("%s with --no-mount: got %+v, %v", path, got, err)
		}
	}
}

func TestNoWorkingDirectory(t *testing.T) {
	root, home := tempHome(t)
	write(t, root+"/file", "")
	for cwd, want := range map[string]string{"": "gone", root + "/gone": "gone", root + "/file": "not a directory", "relative": "not an absolute path"} {
		if got, err := Find(cwd, home, Choice{}, Local()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v", cwd, got, err)
		}
	}
}

// The hook's answer is what counts, for home too: on a Mac ~/proj and ~/PROJ are one directory.
func TestRealCase(t *testing.T) {
	root, home := tempHome(t)
	mkdir(t, root+"/Proj")
	mkdir(t, root+"/proj")
	sys := System{RealCase: func(path string) (string, error) {
		return strings.Replace(path, root+"/proj", root+"/Proj", 1), nil
	}}
	got, err := Find(root+"/proj", home, Choice{}, sys)
	if err != nil || got.Dir != root+"/Proj" || got.Root != root+"/Proj" {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = Find(root+"/Proj", root+"/proj", Choice{}, sys)
	if err != nil || got.Root != "" || got.Note == "" {
		t.Errorf("in the home directory: %+v, %v", got, err)
	}
}
