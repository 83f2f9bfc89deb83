package nixstore

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// NarHash returns the SHA-256, in hex, of the Nix archive of the file or directory at path.
// A store's database holds this hash. NarHash calls watch with the length of each piece
// that it has read; an error of watch ends the reading.
func NarHash(path string, watch func(bytes int) error) (string, error) {
	sum := sha256.New()
	err := WriteArchive(watched{sum, watch}, path)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// Unwatched is a watch of NarHash for callers that follow no progress.
func Unwatched(int) error { return nil }

type watched struct {
	io.Writer
	watch func(bytes int) error
}

func (w watched) Write(p []byte) (int, error) {
	if err := w.watch(len(p)); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}

// WriteArchive writes the Nix archive of a file, directory or link: the same bytes on every
// machine (dump in NixOS/nix src/libutil/archive.cc).
func WriteArchive(to io.Writer, path string) error {
	a := archiver{&wire{out: bufio.NewWriterSize(to, 64<<10)}}
	a.put("nix-archive-1")
	a.node(path)
	return a.flush()
}

type archiver struct{ *wire }

func (a archiver) put(words ...string) {
	for _, word := range words {
		a.putString(word)
	}
}

func (a archiver) node(path string) {
	info, err := os.Lstat(path)
	a.fail(err)
	if a.err != nil {
		return
	}
	a.put("(", "type")
	switch mode := info.Mode(); {
	case mode.IsDir():
		a.put("directory")
		a.entries(path)
	case mode&os.ModeSymlink != 0:
		target, err := os.Readlink(path)
		a.fail(err)
		a.put("symlink", "target", target)
	case mode.IsRegular():
		a.put("regular")
		if mode&0o100 != 0 {
			a.put("executable", "")
		}
		a.contents(path, info.Size())
	default:
		a.fail(fmt.Errorf("%s is neither file, directory nor link", path))
	}
	a.put(")")
}

func (a archiver) entries(dir string) {
	entries, err := os.ReadDir(dir) // sorted by bytes, as the format demands
	a.fail(err)
	for _, e := range entries {
		a.put("entry", "(", "name", e.Name(), "node")
		a.node(filepath.Join(dir, e.Name()))
		a.put(")")
	}
}

func (a archiver) contents(path string, size int64) {
	f, err := os.Open(path)
	a.fail(err)
	if err != nil {
		return
	}
	defer f.Close()
	a.put("contents")
	a.putNumber(uint64(size))
	_, err = io.CopyN(a.out, f, size)
	a.fail(err)
	_, err = a.out.Write(make([]byte, padding(uint64(size))))
	a.fail(err)
}
