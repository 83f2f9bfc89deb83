// Package project tells which directories of the host a proxy container sees, and where a command starts in them.
package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Project is what is mounted for a working directory. All paths are real ones: absolute, without links, with the case
// that they have on disk. Each is mounted at the same path inside.
type Project struct {
	Root   string   // the git top level of the working directory, else the working directory; empty when nothing is mounted
	Mounts []string // Root first, then a git directory that lies outside of it
	Dir    string   // where the command starts; empty for the session's home
	Safe   []string // what git inside needs as safe.directory, for the owner inside may be another
	Note   string   // one line: why nothing is mounted
}

// System is how real paths are found; Local fills it for this machine.
type System struct {
	// RealCase gives an existing path the case that it has on disk.
	RealCase func(path string) (string, error)
}

// Local is this machine.
func Local() System { return System{RealCase: realCase} }

// Find looks at cwd and up from it for the project. It starts no process, so no git either. Neither the home directory
// nor one that holds it is ever mounted: a git repository there (a user's dotfiles) does not count, and a command
// started there gets no mount. A place that would hide a part of the image is an error.
func Find(cwd string, home string, sys System) (Project, error) {
	dir, err := sys.workingDir(cwd)
	if err != nil {
		return Project{}, err
	}
	private := sys.privateDirs(home)
	if why := private.why(dir); why != "" {
		return Project{Note: fmt.Sprintf("nothing is mounted: %s is %s", dir, why)}, nil
	}
	if err := refuse(dir); err != nil {
		return Project{}, err
	}
	root, found := sys.topLevel(dir)
	if !found || private.why(root) != "" || refuse(root) != nil {
		return plain(dir), nil
	}
	return withGit(root, dir, sys.gitDirs(root), private)
}

// plain is a project without git. It is trusted like one with git, so that `git init` needs no new container.
func plain(dir string) Project {
	return Project{Root: dir, Mounts: []string{dir}, Dir: dir, Safe: []string{dir, filepath.Join(dir, ".git")}}
}

// withGit adds the git directories of the top level root, and mounts those outside of it.
func withGit(root, dir string, gitDirs []string, private privateDirs) (Project, error) {
	p := Project{Root: root, Mounts: []string{root}, Dir: dir, Safe: []string{root}}
	for _, gitDir := range gitDirs {
		if !slices.Contains(p.Safe, gitDir) {
			p.Safe = append(p.Safe, gitDir)
		}
		if p.covers(gitDir) {
			continue
		}
		if why := private.why(gitDir); why != "" {
			return Project{}, fmt.Errorf("mounting the git directory %s of %s: it is %s: clone it anew elsewhere", gitDir, root, why)
		}
		if err := refuse(gitDir); err != nil {
			return Project{}, fmt.Errorf("mounting the git directory of %s: %w", root, err)
		}
		p.Mounts = append(p.Mounts, gitDir)
	}
	return p, nil
}

func (p Project) covers(path string) bool {
	return slices.ContainsFunc(p.Mounts, func(mount string) bool { return within(path, mount) })
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
