package nixstore

import (
	"errors"
	"io"
	"math"
	"strings"
)

var errNotArchive = errors.New("this is not a Nix archive")

// copyArchive copies one Nix archive. Only the archive's own brackets tell where it ends.
// The archive must be exactly what Nix writes (dump in NixOS/nix src/libutil/archive.cc):
// anything else with the right hash could become other files at its destination, or be
// refused only there, after the paths before it were added.
func copyArchive(to io.Writer, from io.Reader) error {
	r := narReader{&wire{in: io.TeeReader(from, to)}}
	r.expect("nix-archive-1")
	r.node(0)
	return r.err
}

type narReader struct{ *wire }

// maxDepth bounds nested directories: a path's maximal length does not allow as many.
const maxDepth = 2048

// must fails with errNotArchive unless ok.
func (r narReader) must(ok bool) {
	if !ok {
		r.fail(errNotArchive)
	}
}

func (r narReader) expect(words ...string) {
	for _, word := range words {
		r.must(string(r.word()) == word)
	}
}

func (r narReader) node(depth int) {
	r.must(depth < maxDepth)
	r.expect("(", "type")
	if r.err != nil {
		return
	}
	switch string(r.word()) {
	case "regular":
		r.file()
	case "symlink":
		r.expect("target")
		r.must(len(r.word()) > 0)
		r.expect(")")
	case "directory":
		r.entries(depth)
	default:
		r.must(false)
	}
}

func (r narReader) file() {
	word := r.text()
	if word == "executable" {
		r.expect("")
		word = r.text()
	}
	r.must(word == "contents")
	r.skip()
	r.expect(")")
}

// entries reads a directory's entries. Names must be unique and in the order of their bytes.
func (r narReader) entries(depth int) {
	last, word := "", r.text()
	for word == "entry" && r.err == nil {
		r.expect("(", "name")
		name := r.text()
		r.must(name > last && isFileName(name))
		r.expect("node")
		r.node(depth + 1)
		r.expect(")")
		last, word = name, r.text()
	}
	r.must(word == ")")
}

func isFileName(s string) bool { return s != "." && s != ".." && !strings.ContainsAny(s, "/\x00") }

// skip reads a string of any length and discards it.
func (w *wire) skip() {
	n := w.number()
	if w.err == nil && n > math.MaxInt64 {
		w.fail(errNotArchive)
	}
	if w.err == nil {
		_, err := io.CopyN(io.Discard, w.in, int64(n))
		w.fail(unexpected(err))
	}
	w.mustBeZeros(w.read(padding(n)))
}
