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
	path     string // as it was found: what is started, for a binary may look at its own name
	resolved string
	info     fs.FileInfo
}

// open resolves path; false when there is nothing that can be executed, or when it is
// nixproxy itself.
func (h Host) open(path string) (binary, bool) {
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

// isSelf sees hard links too.
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

// isWrapper knows a small script that names nixproxy: someone's `nix` that is `nixproxy
// run -- nix "$@"`. Its version would be that of a proxy container, not of the host.
func (h Host) isWrapper(file binary) bool {
	const most = 64 << 10
	if file.info.Size() > most {
		return false
	}
	content, err := h.ReadFile(file.resolved)
	return err == nil && bytes.HasPrefix(content, []byte("#!")) && bytes.Contains(content, []byte("nixproxy"))
}

// storePath is a file in a store path, whose content never changes.
var storePath = regexp.MustCompile(`^/nix/store/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+/`)

// cacheKey names this very content: a store path by itself, another file with its size
// and time of change.
func (b binary) cacheKey() string {
	if storePath.MatchString(b.resolved) {
		return b.resolved
	}
	return fmt.Sprintf("%s size=%d mtime=%d", b.resolved, b.info.Size(), b.info.ModTime().UnixNano())
}
