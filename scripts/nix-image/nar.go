package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// narInfo is what the store's database holds of a path.
type narInfo struct {
	hash string // SHA-256 of the archive, in hex
	size uint64
	refs []string // other paths, sorted; the path itself if it names itself
}

// inspect hashes a path's Nix archive and finds, among known, the store paths that it names.
func inspect(dir string, known map[string]string) (narInfo, error) {
	sum, scanner, size := sha256.New(), newScanner(known), counter(0)
	if err := nixstore.WriteArchive(io.MultiWriter(sum, scanner, &size), dir); err != nil {
		return narInfo{}, fmt.Errorf("hashing %s: %w", filepath.Base(dir), err)
	}
	return narInfo{hash: fmt.Sprintf("%x", sum.Sum(nil)), size: uint64(size), refs: scanner.found()}, nil
}

// counter counts what is written to it.
type counter uint64

func (c *counter) Write(data []byte) (int, error) {
	*c += counter(len(data))
	return len(data), nil
}

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
