// Package storetest is a Nix store for tests: it answers as `nix-store --serve` does, from a
// directory, and needs no Nix. Only tests import it.
package storetest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A Store is a store in a directory, with the Info and the archive of each path. Several
// processes can use it one after the other.
type Store struct{ Dir string }

// Path returns the store path of a name. Each name must begin with another letter.
func Path(name string) nixstore.Path {
	digest := bytes.Repeat([]byte{"0123456789abcdfghijklmnpqrsvwxyz"[int(name[0])%32]}, 32)
	return nixstore.Path(nixstore.Dir + "/" + string(digest) + "-" + name)
}

// Add makes valid the path of a file with the content, and returns its Info. References are
// the names of the paths that it refers to.
func (s Store) Add(name, content string, references ...string) (nixstore.Info, error) {
	file := filepath.Join(s.Dir, "content")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return nixstore.Info{}, err
	}
	var nar bytes.Buffer
	if err := nixstore.WriteArchive(&nar, file); err != nil {
		return nixstore.Info{}, err
	}
	hash, err := nixstore.NarHash(file, nixstore.Unwatched)
	i := nixstore.Info{Path: Path(name), NarHash: hash, NarSize: int64(nar.Len()), References: []nixstore.Path{}, Sigs: []string{"key:" + name}}
	for _, r := range references {
		i.References = append(i.References, Path(r))
	}
	return i, errors.Join(err, s.Register(i, nar.Bytes()))
}

// Register makes a path valid with an archive, which it does not check.
func (s Store) Register(i nixstore.Info, nar []byte) error {
	text, err := json.Marshal(i)
	return errors.Join(err, os.WriteFile(s.file(i.Path, "nar"), nar, 0o600), os.WriteFile(s.file(i.Path, "info"), text, 0o600))
}

func (s Store) file(p nixstore.Path, kind string) string {
	return filepath.Join(s.Dir, p.Base()+"."+kind)
}

// Info returns a path's Info; false if the path is not valid.
func (s Store) Info(p nixstore.Path) (i nixstore.Info, valid bool) {
	text, err := os.ReadFile(s.file(p, "info"))
	return i, err == nil && json.Unmarshal(text, &i) == nil
}

// Archive returns a valid path's archive.
func (s Store) Archive(p nixstore.Path) ([]byte, error) { return os.ReadFile(s.file(p, "nar")) }

// Paths returns the valid paths.
func (s Store) Paths() (all []nixstore.Path) {
	files, _ := filepath.Glob(filepath.Join(s.Dir, "*.info"))
	for _, file := range files {
		base := filepath.Base(file)
		all = append(all, nixstore.Path(nixstore.Dir+"/"+base[:len(base)-len(".info")]))
	}
	return all
}

// Missing returns the paths that are not valid.
func (s Store) Missing(paths []nixstore.Path) []nixstore.Path {
	missing := []nixstore.Path{}
	for _, p := range paths {
		if _, valid := s.Info(p); !valid {
			missing = append(missing, p)
		}
	}
	return missing
}

// Closure returns the paths and all that they need, each after what it needs.
func (s Store) Closure(paths []nixstore.Path) (all []nixstore.Path) {
	var visit func(nixstore.Path)
	visit = func(p nixstore.Path) {
		i, valid := s.Info(p)
		if !valid || slices.Contains(all, p) {
			return
		}
		for _, r := range i.References {
			visit(r)
		}
		all = append(all, p)
	}
	for _, p := range paths {
		visit(p)
	}
	return all
}

// The commands of the protocol (NixOS/nix src/libstore/serve-protocol.hh).
const (
	hello   = 0x390c9deb
	welcome = 0x5452eecb
	version = 2<<8 | 5

	valid   = 1
	infos   = 2
	dump    = 3
	closure = 7
	add     = 9
)

// ErrUntrusted is a refusal for Serve, with the message of a Nix that knows none of a path's
// signatures.
var ErrUntrusted = errors.New("error: cannot add path because it lacks a signature by a trusted key")

// Serve answers until its input ends. With a refusal it adds nothing, and returns it.
func (s Store) Serve(in io.Reader, out io.Writer, refusal error) error {
	w := wire{bufio.NewReader(in), bufio.NewWriter(out)}
	if w.number() != hello {
		return errors.New("error: not the protocol of nix-store --serve")
	}
	w.number() // the client's version
	w.put(welcome, version)
	for {
		if err := w.out.Flush(); err != nil {
			return err
		}
		if _, err := w.in.Peek(1); err != nil {
			return nil // the client has closed it
		}
		if err := s.answer(w, w.number(), refusal); err != nil {
			return err
		}
	}
}

func (s Store) answer(w wire, command uint64, refusal error) error {
	switch command {
	case valid:
		w.number() // hold
		w.number() // substitute
		w.put(slices.DeleteFunc(w.paths(), func(p nixstore.Path) bool { _, ok := s.Info(p); return !ok }))
	case infos:
		for _, p := range w.paths() {
			if i, ok := s.Info(p); ok {
				w.put(i.Path, i.Deriver, i.References, 0, int(i.NarSize), i.NarHash, i.CA, i.Sigs)
			}
		}
		w.put("")
	case dump:
		nar, err := s.Archive(nixstore.Path(w.text()))
		if err != nil {
			return fmt.Errorf("error: %w", err)
		}
		_, _ = w.out.Write(nar)
	case closure:
		w.number() // outputs of derivations
		w.put(s.Closure(w.paths()))
	case add:
		return s.add(w, refusal)
	default:
		return fmt.Errorf("error: unknown serve command %d", command)
	}
	return nil
}

func (s Store) add(w wire, refusal error) error {
	i := nixstore.Info{Path: nixstore.Path(w.text()), Deriver: w.text(), NarHash: w.text(), References: w.paths()}
	w.number() // when it was registered
	i.NarSize = int64(w.number())
	w.number() // whether it was built here
	i.Sigs, i.CA = w.texts(), w.text()
	if refusal != nil {
		return refusal
	}
	for _, r := range i.References {
		if _, ok := s.Info(r); !ok && r != i.Path {
			return fmt.Errorf("error: cannot add path '%s' because the reference '%s' is not valid", i.Path, r)
		}
	}
	nar := make([]byte, i.NarSize)
	if _, err := io.ReadFull(w.in, nar); err != nil {
		return fmt.Errorf("error: %w", err)
	}
	w.put(1)
	return s.Register(i, nar)
}

// A wire is numbers of eight bytes, little-endian, and strings, padded to eight.
type wire struct {
	in  *bufio.Reader
	out *bufio.Writer
}

func (w wire) number() uint64 {
	var b [8]byte
	_, _ = io.ReadFull(w.in, b[:]) // whatever reads the next command finds the end
	return binary.LittleEndian.Uint64(b[:])
}

func (w wire) text() string {
	n := w.number()
	b := make([]byte, (n+7)/8*8)
	_, _ = io.ReadFull(w.in, b)
	return string(b[:n])
}

func (w wire) texts() []string {
	all := []string{}
	for n := w.number(); n > 0; n-- {
		all = append(all, w.text())
	}
	return all
}

func (w wire) paths() (all []nixstore.Path) {
	for _, t := range w.texts() {
		all = append(all, nixstore.Path(t))
	}
	return all
}

// put writes numbers, strings and lists of them.
func (w wire) put(words ...any) {
	for _, word := range words {
		switch word := word.(type) {
		case int:
			_ = binary.Write(w.out, binary.LittleEndian, uint64(word))
		case string:
			w.put(len(word))
			_, _ = w.out.WriteString(word)
			_, _ = w.out.Write(make([]byte, (8-len(word)%8)%8))
		case nixstore.Path:
			w.put(string(word))
		case []string:
			w.put(len(word))
			for _, s := range word {
				w.put(s)
			}
		case []nixstore.Path:
			w.put(len(word))
			for _, p := range word {
				w.put(p)
			}
		}
	}
}
