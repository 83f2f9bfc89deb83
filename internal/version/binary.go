package version

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"regexp"
)

// binary is a nix that can be executed.
type binary struct {
	path     string // as it was found: it is started so, for a binary may look at its own name
	resolved string
	info     fs.FileInfo
}

// executable resolves path; false when nothing can be executed there, or when it is
// nixproxy itself.
func (h Host) executable(path string) (binary, bool) {
	resolved, err := h.EvalSymlinks(path)
	if err != nil {
		return binary{}, false
	}
	info, err := h.Stat(resolved)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return binary{}, false
	}
	file := binary{path: path, resolved: resolved, info: info}
	if h.isSelf(file) || h.isWrapper(file) {
		return binary{}, false
	}
	return file, true
}

// isSelf reports whether a file is the running nixproxy, under any name.
func (h Host) isSelf(file binary) bool {
	if h.Self == "" {
		return false
	}
	if file.resolved == h.Self {
		return true
	}
	self, err := h.Stat(h.Self)
	return err == nil && os.SameFile(self, file.info)
}

// isWrapper recognises a small script that names nixproxy: a user's `nix` that is
// `nixproxy run -- nix "$@"`. Its version would be that of a proxy container.
func (h Host) isWrapper(file binary) bool {
	const most = 64 << 10
	if file.info.Size() > most {
		return false
	}
	content, err := h.ReadFile(file.resolved)
	return err == nil && bytes.HasPrefix(content, []byte("#!")) && bytes.Contains(content, []byte("nixproxy"))
}

// storePath matches a file in a store path, whose content never changes.
var storePath = regexp.MustCompile(`^/nix/store/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+/`)

// cacheKey identifies the binary's content: by its path in a store, elsewhere by its size
// and time of change too.
func (b binary) cacheKey() string {
	if storePath.MatchString(b.resolved) {
		return b.resolved
	}
	return fmt.Sprintf("%s size=%d mtime=%d", b.resolved, b.info.Size(), b.info.ModTime().UnixNano())
}
