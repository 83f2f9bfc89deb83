// Package project decides which directories of the host a proxy container sees, and where
// a command starts in them.
package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// Project is what is mounted for a working directory. All paths are real ones: absolute,
// without links, with the case that they have on disk. The project is mounted at the same
// path inside.
type Project struct {
	Root   string   // the git top level of the working directory, else the working directory; empty when it is not mounted
	Mounts []Mount  // Root first, then a git directory that lies outside of it, then what the user asked for
	Dir    string   // where the command starts, inside; empty for the session's home
	Safe   []string // what git inside needs as safe.directory, for the owner inside may be another
	Note   string   // one line: why nothing is mounted
}

// Choice is what the user chose to mount. The zero Choice is the project alone.
type Choice struct {
	Mounts  []string // besides the project, each SRC[:DST][:ro]
	NoMount bool     // nothing of the project
	Workdir string   // where the command starts; the project stays that of the working directory
}

// System finds real paths; Local returns the one of this machine.
type System struct {
	// RealCase gives an existing path the case that it has on disk.
	RealCase func(path string) (string, error)
}

// Local returns the System of this machine.
func Local() System { return System{RealCase: realCase} }

// Find returns what is mounted for a command that the user starts in cwd.
func Find(cwd, home string, choice Choice, sys System) (Project, error) {
	dir, err := sys.workingDir(cwd)
	if err != nil {
		return Project{}, err
	}
	var p Project
	if !choice.NoMount {
		if p, err = sys.project(dir, home); err != nil {
			return Project{}, err
		}
	}
	added, err := sys.mounts(dir, choice.Mounts)
	if err != nil {
		return Project{}, err
	}
	p.addMounts(added)
	p.Dir = sys.start(p, dir, choice.Workdir)
	return p, nil
}

// project finds the project of dir, in dir and above. It starts no process, git included.
// Neither the home directory nor one above it is mounted: a git repository there (a
// user's dotfiles) does not count, and a command started there gets only the mounts that
// the user names. A place that would hide a part of the image is an error.
func (sys System) project(dir, home string) (Project, error) {
	private := sys.privateDirs(home)
	if reason := private.reason(dir); reason != "" {
		return Project{Note: fmt.Sprintf("nothing is mounted: %s is %s; start in a project, or name one with --mount", dir, reason)}, nil
	}
	if hidden := hides(dir); hidden != "" {
		return Project{}, hint.Add(fmt.Errorf("%s cannot be mounted: %s is the system's", dir, hidden), "start in another directory, or leave it out with --no-mount")
	}
	root, found := sys.topLevel(dir)
	if !found || private.reason(root) != "" || hides(root) != "" {
		return withoutGit(dir), nil
	}
	return sys.withGit(root, private)
}

// withoutGit returns a project without git. It is trusted like one with git, so that `git
// init` needs no new container.
func withoutGit(dir string) Project {
	p := Project{Root: dir, Mounts: []Mount{{Source: dir, Target: dir}}}
	p.trust(dir, nil)
	return p
}

// withGit returns the project of a top level, and mounts its git directories that lie
// outside of it.
func (sys System) withGit(root string, private privateDirs) (Project, error) {
	p := withoutGit(root)
	gitDirs := sys.gitDirs(root)
	p.trust(root, gitDirs)
	for _, gitDir := range gitDirs {
		if !p.lacks(gitDir) {
			continue
		}
		reason := private.reason(gitDir)
		if hidden := hides(gitDir); reason == "" && hidden != "" {
			reason = "in the system's " + hidden
		}
		if reason != "" {
			return Project{}, hint.Add(fmt.Errorf("the git directory %s of %s cannot be mounted: it is %s", gitDir, root, reason), "clone it anew elsewhere, or leave the project out with --no-mount")
		}
		p.Mounts = append(p.Mounts, Mount{Source: gitDir, Target: gitDir})
	}
	for _, submodule := range sys.submodules(root) {
		if gitDirs := sys.gitDirs(submodule); !slices.ContainsFunc(gitDirs, p.lacks) {
			p.trust(submodule, gitDirs)
		}
	}
	return p, nil
}

func (p Project) lacks(path string) bool {
	_, mounted := p.inside(path)
	return !mounted
}

// trust lets git inside use a top level. Its .git is named too: a fetch from a worktree
// asks about that file.
func (p *Project) trust(top string, gitDirs []string) {
	for _, dir := range append([]string{top, filepath.Join(top, ".git")}, gitDirs...) {
		if !slices.Contains(p.Safe, dir) {
			p.Safe = append(p.Safe, dir)
		}
	}
}

// start returns the directory inside in which a command starts: workdir, else the current
// one if it is mounted. A workdir that only the container has, such as one in the store,
// is taken as it is written.
func (sys System) start(p Project, dir, workdir string) string {
	if workdir == "" {
		inside, _ := p.inside(dir)
		return inside
	}
	path := from(dir, workdir)
	if real, err := sys.real(path); err == nil {
		if inside, mounted := p.inside(real); mounted {
			return inside
		}
	}
	return filepath.Clean(path)
}

// workingDir returns the real path of cwd, if a command can be started in it.
func (sys System) workingDir(cwd string) (string, error) {
	if cwd == "" {
		return "", hint.Add(errors.New("the working directory is gone"), "change to one that exists")
	}
	dir, err := sys.real(cwd)
	if errors.Is(err, os.ErrNotExist) {
		return "", hint.Add(fmt.Errorf("the working directory %s is gone", cwd), "change to one that exists")
	}
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("looking at the working directory: %w", err)
	}
	if !info.IsDir() {
		return "", hint.Add(fmt.Errorf("the working directory %s is not a directory", cwd), "name one")
	}
	return dir, nil
}

// real returns path without links, and with the case that it has on disk.
func (sys System) real(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%s is not an absolute path", path)
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return sys.RealCase(resolved)
}
