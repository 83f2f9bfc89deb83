package project

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// topLevel is the nearest directory from dir upwards that holds a .git: a repository's
// directory, or the file that stands for one in a worktree or a submodule. A .git
// directory that is no repository does not count for git either.
func (sys System) topLevel(dir string) (string, bool) {
	for {
		dotGit := filepath.Join(dir, ".git")
		if _, ok := gitFile(dotGit); ok || isGitDir(dotGit) {
			return dir, true
		}
		if dir == "/" {
			return "", false
		}
		dir = filepath.Dir(dir)
	}
}

// gitDirs are the directories that git needs for the top level root: its own git
// directory, and the one that holds the shared part, which for a submodule is the
// superproject's. None when root's .git leads nowhere. The widest is first.
//
// They are named by files in the project, which may be a stranger's: only what looks like
// a git directory counts.
func (sys System) gitDirs(root string) []string {
	gitDir := filepath.Join(root, ".git")
	if target, ok := gitFile(gitDir); ok {
		gitDir = target
	}
	var dirs []string
	for _, dir := range []string{gitDir, commonDir(gitDir)} {
		resolved, err := sys.real(dir)
		if err != nil || !isGitDir(resolved) {
			return nil
		}
		dirs = append(dirs, resolved)
	}
	if super, ok := sys.superGitDir(dirs[1]); ok {
		dirs = append(dirs, super)
	}
	slices.Reverse(dirs)
	return slices.Compact(dirs)
}

// submodules are the top levels of the submodules that are checked out below root, and of theirs.
func (sys System) submodules(root string) []string {
	content, _ := smallFile(filepath.Join(root, ".gitmodules"))
	var all []string
	for line := range strings.Lines(content) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if strings.TrimSpace(key) != "path" {
			continue
		}
		// What git quotes are names that hold a quote or such; this reads most of them.
		value = strings.Trim(strings.TrimSpace(value), `"`)
		top, err := sys.real(filepath.Join(root, value))
		if err != nil || top == root || !within(top, root) || len(sys.gitDirs(top)) == 0 {
			continue
		}
		all = append(append(all, top), sys.submodules(top)...)
	}
	return all
}

// superGitDir finds the outermost superproject's git directory around a submodule's,
// which lies in its modules/. Where the superproject is a worktree, that is its common
// directory.
func (sys System) superGitDir(gitDir string) (string, bool) {
	parts := strings.Split(gitDir, "/modules/")
	for i := 1; i < len(parts); i++ {
		outer := strings.Join(parts[:i], "/modules/")
		if !isGitDir(outer) {
			continue
		}
		if resolved, err := sys.real(commonDir(outer)); err == nil && isGitDir(resolved) {
			return resolved, true
		}
	}
	return "", false
}

// isGitDir knows a git directory as git does: by HEAD, and by objects and refs, which may
// lie in its common directory.
func isGitDir(dir string) bool {
	if info, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil || info.IsDir() {
		return false
	}
	common := commonDir(dir)
	return isDir(filepath.Join(common, "objects")) && isDir(filepath.Join(common, "refs"))
}

// commonDir is where a worktree's git directory has the shared part; other git
// directories have it in themselves.
func commonDir(gitDir string) string {
	content, ok := smallFile(filepath.Join(gitDir, "commondir"))
	if !ok {
		return gitDir
	}
	return below(gitDir, content)
}

// gitFile reads a .git that is a file: "gitdir: PATH". A path that leads nowhere is the
// file's fault, not ours.
func gitFile(path string) (string, bool) {
	content, ok := smallFile(path)
	if !ok {
		return "", false
	}
	target, ok := strings.CutPrefix(content, "gitdir: ")
	if !ok || target == "" {
		return "", false
	}
	return below(filepath.Dir(path), target), true
}

// below joins a path of git's, which is relative to dir when it is relative.
func below(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// smallFile reads one of git's small regular files, without the newline at its end.
func smallFile(path string) (string, bool) {
	const most = 256 << 10
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	file, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most))
	return strings.TrimRight(string(content), "\r\n"), err == nil && len(content) < most
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
