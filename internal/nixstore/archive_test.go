package nixstore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tricky is a directory with as many of the archive's own words for content as possible.
var tricky = encoded("nix-archive-1", "(", "type", "directory",
	"entry", "(", "name", "(", "node", "(", "type", "regular", "executable", "", "contents", "(((((", ")", ")",
	"entry", "(", "name", ")", "node", "(", "type", "symlink", "target", ")", ")", ")",
	"entry", "(", "name", "contents", "node", "(", "type", "directory", ")", ")",
	"entry", "(", "name", "long", "node", "(", "type", "regular", "contents", strings.Repeat(")", 100003), ")", ")", ")")

func TestCopyArchiveStopsAtItsEnd(t *testing.T) {
	for _, nar := range [][]byte{tricky, file(""), encoded("nix-archive-1", "(", "type", "symlink", "target", "nix-archive-1", ")")} {
		from := bytes.NewReader(append(bytes.Clone(nar), "the next"...))
		var to bytes.Buffer
		if err := copyArchive(&to, from); err != nil || !bytes.Equal(to.Bytes(), nar) {
			t.Errorf("%v, %d bytes of %d", err, to.Len(), len(nar))
		}
		if rest, _ := io.ReadAll(from); string(rest) != "the next" {
			t.Errorf("%q is left", rest)
		}
	}
}

func TestCopyArchiveRefusesTheRest(t *testing.T) {
	short := tricky[:600]
	for n := range short {
		if err := copyArchive(io.Discard, bytes.NewReader(short[:n])); err == nil {
			t.Fatalf("the first %d bytes passed for all", n)
		}
	}
	for _, other := range [][]byte{[]byte("#!/bin/sh\necho and so on for a while"), encoded("nix-archive-2", "("), bytes.Repeat([]byte{0xff}, 64)} {
		if err := copyArchive(io.Discard, bytes.NewReader(other)); err == nil {
			t.Errorf("%q passed", other)
		}
	}
}

// An archive that Nix would not have written could be read in another way: with another
// name's files, outside of the directory, or for ever.
func TestCopyArchiveRefusesWhatNixWouldNotWrite(t *testing.T) {
	empty := []any{"(", "type", "regular", "contents", "", ")"}
	in := func(entries ...any) []any { return slices.Concat([]any{"(", "type", "directory"}, entries, []any{")"}) }
	entry := func(name string, node ...any) []any {
		return slices.Concat([]any{"entry", "(", "name", name, "node"}, node, []any{")"})
	}
	deep := slices.Concat(slices.Repeat([]any{"(", "type", "directory", "entry", "(", "name", "a", "node"}, maxDepth), empty, slices.Repeat([]any{")", ")"}, maxDepth))
	for name, node := range map[string][]any{
		"the directory above": in(entry("..", empty...)...), "the same directory": in(entry(".", empty...)...), "no name": in(entry("", empty...)...),
		"another directory": in(entry("../x", empty...)...), "half a name": in(entry("a\x00b", empty...)...),
		"a name twice":       in(slices.Concat(entry("a", "(", "type", "symlink", "target", "/etc", ")"), entry("a", in(entry("b", empty...)...)...))...),
		"the wrong order":    in(slices.Concat(entry("b", empty...), entry("a", empty...))...),
		"no type":            {"(", "contents", "", ")"},
		"another type":       {"(", "type", "device", ")"},
		"two contents":       {"(", "type", "regular", "contents", "1", "contents", "2", ")"},
		"executable late":    {"(", "type", "regular", "contents", "1", "executable", "", ")"},
		"executable, and so": {"(", "type", "regular", "executable", "yes", "contents", "1", ")"},
		"a link to nothing":  {"(", "type", "symlink", "target", "", ")"},
		"something between":  in("entry", "(", "name", "a", "(", ")", "node", "(", "type", "directory", ")", ")"),
		"an endless file":    {"(", "type", "regular", "contents", -8},
		"a long name":        in("entry", "(", "name", 1<<40),
		"other padding":      {"(", "type", "symlink", "target", 1, []byte("xyyyyyyy"), ")"},
		"file padding":       {"(", "type", "regular", "contents", 1, []byte("xyyyyyyy"), ")"},
		"a deep one":         deep,
	} {
		if err := copyArchive(io.Discard, bytes.NewReader(encoded(append([]any{"nix-archive-1"}, node...)...))); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}

func TestCopyArchiveTakesWhatNixWrites(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(os.Mkdir(filepath.Join(dir, "d"), 0o755), os.WriteFile(filepath.Join(dir, "d", "lat\xe9in"), []byte("x"), 0o755),
		os.WriteFile(filepath.Join(dir, "a b\n"), nil, 0o644), os.WriteFile(filepath.Join(dir, "a"), make([]byte, 100_000), 0o644), os.Symlink("d", filepath.Join(dir, "A")))
	var nar, copied bytes.Buffer
	if err := errors.Join(err, WriteArchive(&nar, dir), copyArchive(&copied, bytes.NewReader(nar.Bytes()))); err != nil || !bytes.Equal(copied.Bytes(), nar.Bytes()) {
		t.Errorf("%d bytes of %d, %v", copied.Len(), nar.Len(), err)
	}
}

func TestCopyTellsWhatIsWrong(t *testing.T) {
	good, none := file("content"), []byte("with the right hash, and no archive all the same")
	of := func(nar []byte) Info {
		return Info{Path: named("a"), NarHash: fmt.Sprintf("%x", sha256.Sum256(nar)), NarSize: int64(len(nar))}
	}
	trailing := append(bytes.Clone(good), make([]byte, 8)...)
	for name, test := range map[string]struct {
		info Info
		from []byte
		want error
	}{
		"as it should be": {of(good), append(bytes.Clone(good), "the next"...), nil},
		"no archive":      {of(none), none, errNotArchive},
		"more than one":   {of(trailing), trailing, errNotArchive},
		"short":           {of(good), good[:len(good)-1], io.ErrUnexpectedEOF},
		"missing":         {of(good), nil, io.ErrUnexpectedEOF},
		"changed":         {of(good), file("CONTENT"), &ChangedError{Path: named("a")}},
		"no archive now":  {of(good), bytes.Repeat([]byte("x"), len(good)), &ChangedError{Path: named("a")}},
	} {
		var to bytes.Buffer
		from := bytes.NewReader(test.from)
		err := test.info.Copy(&to, from)
		if !reflect.DeepEqual(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if rest, _ := io.ReadAll(from); err == nil && (string(rest) != "the next" || !bytes.Equal(to.Bytes(), good)) {
			t.Errorf("%s: %q is left, after %q", name, rest, to.Bytes())
		}
	}
	if err := of(good).Copy(gone{}, bytes.NewReader(good)); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("to a reader that is gone: %v", err)
	}
}

func TestParseSHA256(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	want, _ := parseSHA256(empty)
	for _, s := range []string{"sha256:" + empty, "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73", "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"} {
		if got, err := parseSHA256(s); err != nil || !bytes.Equal(got, want) || len(got) != 32 {
			t.Errorf("%s: %x, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "sha256:", empty[1:], strings.Repeat("z", 64), strings.Repeat("e", 52), "z" + strings.Repeat("0", 51), "sha512:" + empty} {
		if got, err := parseSHA256(s); err == nil {
			t.Errorf("%q: %x", s, got)
		}
	}
}
