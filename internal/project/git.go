package project

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// topLevel returns the nearest directory from dir upwards with a .git in it: a git
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

// gitDirs returns the directories that git needs for the top level root, the widest first:
// its own git directory, the one with the part that worktrees share, and a submodule's
// superproject's. It returns none when root's .git leads nowhere.
//
// Files in the project name them, which may be a stranger's: only what looks like a git
// directory counts.
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

// submodules returns the top levels of the submodules that are checked out below root, and
// of theirs. It reads .gitmodules itself: github.com/go-git/gcfg ends at the first key
// that it does not know.
func (sys System) submodules(root string) []string {
	content, _ := smallFile(filepath.Join(root, ".gitmodules"))
	var all []string
	for line := range strings.Lines(content) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if strings.TrimSpace(key) != "path" {
			continue
		}
		// Git quotes names with quotes or comment signs in them; this reads most of them.
		value = strings.Trim(strings.TrimSpace(value), `"`)
		top, err := sys.real(filepath.Join(root, value))
		if err != nil || top == root || !within(top, root) || len(sys.gitDirs(top)) == 0 {
			continue
		}
		all = append(append(all, top), sys.submodules(top)...)
	}
	return all
}

// superGitDir finds the git directory of the outermost superproject, in whose modules/ a
// submodule's lies. Where the superproject is a worktree, it is the common directory.
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

// isGitDir recognises a git directory as git does: by HEAD, and by objects and refs, which
// may lie in its common directory.
func isGitDir(dir string) bool {
	if info, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil || info.IsDir() {
		return false
	}
	common := commonDir(dir)
	return isDir(filepath.Join(common, "objects")) && isDir(filepath.Join(common, "refs"))
}

// commonDir returns the directory with the part that a worktree's git directory shares;
// other git directories are their own.
func commonDir(gitDir string) string {
	content, ok := smallFile(filepath.Join(gitDir, "commondir"))
	if !ok {
		return gitDir
	}
	return resolve(gitDir, content)
}

// gitFile returns the path in a .git that is a file: "gitdir: PATH". It need not exist.
func gitFile(path string) (string, bool) {
	content, ok := smallFile(path)
	if !ok {
		return "", false
	}
	target, ok := strings.CutPrefix(content, "gitdir: ")
	if !ok || target == "" {
		return "", false
	}
	return resolve(filepath.Dir(path), target), true
}

// resolve joins a path from one of git's files with the directory that it is relative to.
func resolve(dir, path string) string {
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
