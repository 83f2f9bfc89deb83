package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// narInfo is what the store's database holds of a path.
type narInfo struct {
	hash string // SHA-256 of the archive, in hex
	size uint64
	refs []string // other paths, sorted; the path itself if it names itself
}

// inspect hashes a path's Nix archive and finds, among known, the store paths that it names.
func inspect(dir string, known map[string]string) (narInfo, error) {
	sum, scanner := sha256.New(), newScanner(known)
	w := &narWriter{out: io.MultiWriter(sum, scanner)}
	w.text("nix-archive-1")
	w.node(dir)
	if w.err != nil {
		return narInfo{}, fmt.Errorf("hashing %s: %w", filepath.Base(dir), w.err)
	}
	return narInfo{hash: fmt.Sprintf("%x", sum.Sum(nil)), size: w.size, refs: scanner.found()}, nil
}

// narWriter writes the Nix archive format; the first error sticks.
type narWriter struct {
	out  io.Writer
	size uint64
	err  error
}

func (w *narWriter) write(data []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(data)
	w.size += uint64(n)
	w.err = err
}

func (w *narWriter) text(words ...string) {
	for _, word := range words {
		w.length(uint64(len(word)))
		w.write([]byte(word))
		w.pad(uint64(len(word)))
	}
}

func (w *narWriter) length(n uint64) {
	w.write(binary.LittleEndian.AppendUint64(nil, n))
}

func (w *narWriter) pad(n uint64) {
	w.write(make([]byte, (8-n%8)%8))
}

func (w *narWriter) node(name string) {
	info, err := os.Lstat(name)
	if err != nil {
		w.fail(err)
		return
	}
	w.text("(", "type")
	switch {
	case info.IsDir():
		w.text("directory")
		w.directory(name)
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(name)
		w.fail(err)
		w.text("symlink", "target", target)
	case info.Mode().IsRegular():
		w.text("regular")
		w.regular(name, info)
	default:
		w.fail(fmt.Errorf("%s is neither file, folder nor link", name))
	}
	w.text(")")
}

func (w *narWriter) directory(name string) {
	entries, err := os.ReadDir(name)
	w.fail(err)
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	for _, entry := range entries {
		w.text("entry", "(", "name", entry.Name(), "node")
		w.node(filepath.Join(name, entry.Name()))
		w.text(")")
	}
}

func (w *narWriter) regular(name string, info os.FileInfo) {
	if info.Mode()&0o100 != 0 {
		w.text("executable", "")
	}
	file, err := os.Open(name)
	if err != nil {
		w.fail(err)
		return
	}
	defer file.Close()
	w.text("contents")
	w.length(uint64(info.Size()))
	_, err = io.Copy(writerFunc(func(data []byte) (int, error) {
		w.write(data)
		return len(data), w.err
	}), file)
	w.fail(err)
	w.pad(uint64(info.Size()))
}

func (w *narWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(data []byte) (int, error) { return f(data) }

// scanner finds hash parts in a stream, those that lie across two writes included.
type scanner struct {
	known map[string]string // hash part -> store path
	seen  map[string]bool
	tail  []byte
	valid [256]bool
}

func newScanner(known map[string]string) *scanner {
	s := &scanner{known: known, seen: map[string]bool{}}
	for _, c := range []byte(alphabet) {
		s.valid[c] = true
	}
	return s
}

func (s *scanner) Write(data []byte) (int, error) {
	s.search(append(s.tail, data[:min(len(data), hashChars-1)]...))
	s.search(data)
	if len(data) >= hashChars-1 {
		s.tail = append([]byte(nil), data[len(data)-hashChars+1:]...)
	} else {
		s.tail = append(s.tail, data...)
		s.tail = s.tail[max(0, len(s.tail)-hashChars+1):]
	}
	return len(data), nil
}

// search looks at windows from their end, so that a character no hash has skips a whole window.
func (s *scanner) search(data []byte) {
window:
	for i := 0; i+hashChars <= len(data); {
		for j := hashChars - 1; j >= 0; j-- {
			if !s.valid[data[i+j]] {
				i += j + 1
				continue window
			}
		}
		if path, ok := s.known[string(data[i:i+hashChars])]; ok {
			s.seen[path] = true
		}
		i++
	}
}

func (s *scanner) found() []string {
	return sortedKeys(s.seen)
}
