package nixconf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxNetrc bounds a netrc file, in bytes: each command sends it.
const maxNetrc = 1 << 20

// Netrc reads the passwords for downloads from a netrc file. It returns nil for a missing
// file, and for a relative path, which would mean another file in each directory. A file that
// this user may not read is an error, although the host's Nix daemon may use it.
func Netrc(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		return nil, nil
	}
	content, err := readNetrc(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the netrc file of the host's Nix: %w: commands do without it", err)
	}
	return content, nil
}

func readNetrc(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // else a named pipe would wait for its writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxNetrc+1))
	if len(content) > maxNetrc {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxNetrc)
	}
	return content, err
}
