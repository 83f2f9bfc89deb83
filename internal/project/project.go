// Package project tells which directories of the host a proxy container sees, and where a
// command starts in them.
package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// Choice is what the user said about it. The zero Choice is the project alone.
type Choice struct {
	Mounts  []string // besides the project, each SRC[:DST][:ro]
	NoMount bool     // nothing of the project
	Workdir string   // where the command starts; the project stays that of the working directory
}

// System is how real paths are found; Local fills it for this machine.
type System struct {
	// RealCase gives an existing path the case that it has on disk.
	RealCase func(path string) (string, error)
}

// Local is this machine.
func Local() System { return System{RealCase: realCase} }

// Find tells what is mounted for a command that the user starts in cwd.
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
	asked, err := sys.mounts(dir, choice.Mounts)
	if err != nil {
		return Project{}, err
	}
	p.add(asked)
	p.Dir = sys.start(p, dir, choice.Workdir)
	return p, nil
}

// project looks at dir and up from it. It starts no process, so no git either. Neither
// the home directory nor one that holds it is mounted: a git repository there (a user's
// dotfiles) does not count, and a command started there gets no mount but what the user
// names. A place that would hide a part of the image is an error.
func (sys System) project(dir, home string) (Project, error) {
	private := sys.privateDirs(home)
	if why := private.why(dir); why != "" {
		return Project{Note: fmt.Sprintf("nothing is mounted: %s is %s; start in a project, or name one with --mount", dir, why)}, nil
	}
	if hidden := hides(dir); hidden != "" {
		return Project{}, fmt.Errorf("%s cannot be mounted: %s is the system's: start in another directory, or leave it out with --no-mount", dir, hidden)
	}
	root, found := sys.topLevel(dir)
	if !found || private.why(root) != "" || hides(root) != "" {
		return plain(dir), nil
	}
	return sys.withGit(root, private)
}

// plain is a project without git. It is trusted like one with git, so that `git init`
// needs no new container.
func plain(dir string) Project {
	p := Project{Root: dir, Mounts: []Mount{{Source: dir, Target: dir}}}
	p.trust(dir, nil)
	return p
}

// withGit adds the git directories of the top level root, and mounts those outside of it.
func (sys System) withGit(root string, private privateDirs) (Project, error) {
	p := plain(root)
	gitDirs := sys.gitDirs(root)
	p.trust(root, gitDirs)
	for _, gitDir := range gitDirs {
		if !p.lacks(gitDir) {
			continue
		}
		why := private.why(gitDir)
		if hidden := hides(gitDir); why == "" && hidden != "" {
			why = "in the system's " + hidden
		}
		if why != "" {
			return Project{}, fmt.Errorf("the git directory %s of %s cannot be mounted: it is %s: clone it anew elsewhere, or leave the project out with --no-mount", gitDir, root, why)
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

// trust lets git inside use a top level. Of a worktree's its .git, a file, is what a
// fetch from there asks about.
func (p *Project) trust(top string, gitDirs []string) {
	for _, dir := range append([]string{top, filepath.Join(top, ".git")}, gitDirs...) {
		if !slices.Contains(p.Safe, dir) {
			p.Safe = append(p.Safe, dir)
		}
	}
}

// start is where a command starts: where the user said, else where they are, if that is
// seen inside. A directory that only the container has, such as one of the store, is
// taken as it is written.
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

// workingDir is the real path of cwd, which a command can be started in.
func (sys System) workingDir(cwd string) (string, error) {
	if cwd == "" {
		return "", errors.New("the working directory is gone: change to one that exists")
	}
	dir, err := sys.real(cwd)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("the working directory %s is gone: change to one that exists", cwd)
	}
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("looking at the working directory: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("the working directory %s is not a directory: name one", cwd)
	}
	return dir, nil
}

// real is path without links and with its case on disk.
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
