package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

const (
	glibc = nixstore.Path("/nix/store/ib3sh3pcz10wsmavxvkdbayhqivbghlq-glibc")
	bash  = nixstore.Path("/nix/store/3bsd5vkmwsrc2xq7vxndhdaak60ns84n-bash")
)

// nar returns the archive of a path: a file, another one for each path.
func nar(path nixstore.Path) []byte {
	var all []byte
	for _, word := range []string{"nix-archive-1", "(", "type", "regular", "contents", strings.Repeat(path.Name(), 9000), ")"} {
		all = append(binary.LittleEndian.AppendUint64(all, uint64(len(word))), word...)
		all = append(all, make([]byte, -len(all)&7)...)
	}
	return all
}

func info(path nixstore.Path, references ...nixstore.Path) nixstore.Info {
	return nixstore.Info{Path: path, References: references, NarSize: int64(len(nar(path))), NarHash: fmt.Sprintf("sha256:%x", sha256.Sum256(nar(path)))}
}

func example() Manifest {
	return Manifest{Format: Format, Nixproxy: "1.2", Flavour: "nix", Platform: "linux/amd64", Manifest: agentapi.Manifest{
		Images: []agentapi.Stamp{{Identity: "0123456789ab", Reference: "nix:1", Nix: string(bash), Profile: string(bash)}},
		Roots:  []nixstore.Path{glibc},
		Paths:  []nixstore.Info{info(glibc, glibc), info(bash, glibc, bash)},
	}}
}

func written(t *testing.T, m Manifest) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := Write(&file, m, bytes.NewReader(append(nar(glibc), nar(bash)...))); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// verify reads all of a file.
func verify(file []byte) (Manifest, error) {
	r, err := Open(bytes.NewReader(file))
	if err != nil {
		return Manifest{}, err
	}
	defer r.Close()
	return r.Manifest, r.Each(func(i nixstore.Info, nar io.Reader) error { return i.Copy(io.Discard, nar) })
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	file := written(t, example())
	got, err := verify(file)
	if err != nil {
		t.Fatal(err)
	}
	want, has := asJSON(t, example()), asJSON(t, got)
	if want != has {
		t.Errorf("%s\nwas read as\n%s", want, has)
	}
	if !bytes.Equal(file, written(t, example())) {
		t.Error("the same content is another file")
	}
}

func asJSON(t *testing.T, m Manifest) string {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A file with any changed bit, or without any part of its end, is not read as another
// content without an error.
func TestDamageIsFound(t *testing.T) {
	file := written(t, example())
	for at := range file {
		for _, bit := range []byte{0x01, 0x80} {
			broken := bytes.Clone(file)
			broken[at] ^= bit
			if m, err := verify(broken); err == nil && asJSON(t, m) != asJSON(t, example()) {
				t.Errorf("byte %d of %d, bit %#x: it is read as %+v", at, len(file), bit, m)
			}
		}
		if _, err := verify(file[:at]); err == nil {
			t.Errorf("of %d bytes the first %d are taken for all", len(file), at)
		}
	}
}

// Damage has the hint to copy the file again; a disk's own error is passed on.
func TestDamageIsNoDiskError(t *testing.T) {
	file := written(t, example())
	broken := bytes.Clone(file)
	broken[len(file)/2] ^= 0x80
	bad := &fs.PathError{Op: "read", Path: "file", Err: syscall.EIO}
	for says, from := range map[string]io.Reader{
		"the file is damaged (":                        bytes.NewReader(broken),
		"\nhint: copy it again":                        bytes.NewReader(broken),
		"the file ends too early\nhint: copy it again": bytes.NewReader(file[:len(file)/2]),
		"reading its manifest: read file: input/outp":  io.MultiReader(bytes.NewReader(file[:9]), iotest.ErrReader(bad)),
	} {
		r, err := Open(from)
		if err == nil {
			err = r.Each(func(i nixstore.Info, nar io.Reader) error { return i.Copy(io.Discard, nar) })
			r.Close()
		}
		if err == nil || !strings.Contains(hint.Text(err), says) {
			t.Errorf("not %q: %v", says, err)
		}
	}
}

func TestEachPathNeedsItsOwnArchive(t *testing.T) {
	for name, change := range map[string]struct {
		archives []byte
		says     string
	}{
		"changed": {append(nar(glibc), bytes.ToUpper(nar(bash))...), string(bash)},
		"swapped": {append(nar(bash), nar(glibc)...), string(glibc)},
		"short":   {append(nar(glibc), nar(bash)[:100]...), string(bash)},
		"missing": {nar(glibc), string(bash)},
	} {
		err := Write(io.Discard, example(), bytes.NewReader(change.archives))
		if err == nil || !strings.Contains(err.Error(), change.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A manifest is checked before anything else is read.
func TestManifestsThatAreRefused(t *testing.T) {
	for says, change := range map[string]func(*Manifest){
		"bash needs " + string(glibc) + ", which is not listed before it": func(m *Manifest) { m.Paths = m.Paths[1:] },
		"glibc is to be held, and is not listed":                          func(m *Manifest) { m.Paths = m.Paths[1:]; m.Paths[0].References = nil },
		"bash is listed twice":                                            func(m *Manifest) { m.Paths = append(m.Paths, m.Paths[1]) },
		"bash is listed without a hash and a size":                        func(m *Manifest) { m.Paths[1].NarHash = "sha256:1" },
		`bash has an invalid deriver: "/etc/passwd" is not a store path`:  func(m *Manifest) { m.Paths[1].Deriver = "/etc/passwd" },
		`"/etc/passwd" is not a store path`:                               func(m *Manifest) { m.Paths[1].Path = "/etc/passwd" },
		"it has format 2, which nixproxy 1.2 wrote":                       func(m *Manifest) { m.Format = 2 },
		"its manifest was not written by nixproxy":                        func(m *Manifest) { m.Format = 0 },
		`"../../../profiles/x" is not an image identity`:                  func(m *Manifest) { m.Images[0].Identity = "../../../profiles/x" },
		"image 0123456789ab is listed without its Nix and profile":        func(m *Manifest) { m.Images[0].Profile = "" },
		`image 0123456789ab is described by "nix:1\x1b[2J"`:               func(m *Manifest) { m.Images[0].Reference = "nix:1\x1b[2J" },
		`image 0123456789ab is described by "a = b\nc = d"`:               func(m *Manifest) { m.Images[0].Settings = []string{"a = b\nc = d"} },
	} {
		m := example()
		change(&m)
		_, err := verify(packed(t, asJSON(t, m)))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("not %q: %v", says, err)
		}
		if err := Write(io.Discard, m, bytes.NewReader(append(nar(glibc), nar(bash)...))); m.Format == Format && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q was written: %v", says, err)
		}
	}
	_, err := verify(packed(t, asJSON(t, example())))
	if err == nil || !strings.Contains(err.Error(), "reading "+string(glibc)+": it ends after 0 of 2 paths") {
		t.Errorf("with a manifest alone: %v", err)
	}
}

// Twenty million empty paths, in a file of 6 kB, once took 8 GB of memory.
func TestManifestIsReadNoFurtherThanItIsRight(t *testing.T) {
	for _, list := range []string{"images", "paths"} {
		text := `{"format":1,"` + list + `":[` + strings.Repeat("{},", 1_000_000) + `{}]}`
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parseManifest([]byte(text))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > uint64(5*len(text)) {
			t.Errorf("%s: %d bytes of manifest took %d of memory, %v", list, len(text), used, err)
		}
	}
}

func TestNothingMayFollow(t *testing.T) {
	file := written(t, example())
	for name, more := range map[string][]byte{"another one": file, "another path": compressed(t, []byte("x"))} {
		if _, err := verify(append(bytes.Clone(file), more...)); err == nil || !strings.Contains(err.Error(), "reading its end: something follows it") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestForeignFiles(t *testing.T) {
	for name, file := range map[string][]byte{
		"empty": nil, "text": []byte("hello, this is no archive"), "compressed text": compressed(t, bytes.Repeat([]byte("hello "), 200)),
		"another tar":      compressed(t, bytes.Repeat([]byte{0}, 2048)),
		"docker's archive": packed(t, `[{"Config":"x.json"}]`),
	} {
		_, err := verify(file)
		if err == nil || !strings.Contains(err.Error(), "this is not an export of a volume") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// packed returns a file with a manifest and nothing else.
func packed(t *testing.T, manifest string) []byte {
	t.Helper()
	var content bytes.Buffer
	to := tar.NewWriter(&content)
	headed := to.WriteHeader(header(manifestName, int64(len(manifest))))
	_, wrote := io.WriteString(to, manifest)
	if err := errors.Join(headed, wrote, to.Close()); err != nil {
		t.Fatal(err)
	}
	return compressed(t, content.Bytes())
}

func compressed(t *testing.T, content []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	to, err := compress(&file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
