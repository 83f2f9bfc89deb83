package volume

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// An agent that somebody has exchanged inside could else read all of a host's store.
func TestNothingElseIsGivenThanWhatIsCopied(t *testing.T) {
	want := agentapi.Request{Closure: []nixstore.Path{"/nix/store/a", "/nix/store/b"}}
	for _, missing := range [][]nixstore.Path{{}, {"/nix/store/b"}, {"/nix/store/a", "/nix/store/b"}} {
		if err := checkMissing(want, agentapi.Missing{Paths: missing}); err != nil {
			t.Errorf("%q: %v", missing, err)
		}
	}
	err := checkMissing(want, agentapi.Missing{Paths: []nixstore.Path{"/nix/store/a", "/nix/store/secret"}})
	if err == nil || !strings.Contains(err.Error(), `asks for "/nix/store/secret"`) {
		t.Error(err)
	}
}

type noProgress struct{}

func (noProgress) Set(int64, int64) {}
func (noProgress) End(error)        {}

// To read what the volume has already once took longer than the agent waits.
func TestImportIsNeverSilent(t *testing.T) {
	defer func(usual time.Duration) { keepAlive = usual }(keepAlive)
	keepAlive = 0
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	var nar, all, to bytes.Buffer
	written := nixstore.WriteArchive(&nar, file)
	hash, hashed := nixstore.NarHash(file, nixstore.Unwatched)
	m := archive.Manifest{Format: archive.Format}
	for _, digest := range []string{"ib3sh3pcz10wsmavxvkdbayhqivbghlq", "3bsd5vkmwsrc2xq7vxndhdaak60ns84n"} {
		m.Paths = append(m.Paths, nixstore.Info{Path: nixstore.Path("/nix/store/" + digest + "-f"), NarHash: hash, NarSize: int64(nar.Len())})
	}
	twice := bytes.NewReader(append(bytes.Clone(nar.Bytes()), nar.Bytes()...))
	if err := errors.Join(written, hashed, archive.Write(&all, m, twice)); err != nil {
		t.Fatal(err)
	}
	from, err := archive.Open(&all)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	missing := m.Paths[1].Path
	err = send(&to, from, []nixstore.Path{missing}, func(agentapi.Manifest) Progress { return noProgress{} })
	if told, _, _ := strings.Cut(to.String(), `{"path":"`+string(missing)); told != "\n" || err != nil {
		t.Errorf("%q came before what was missing, %v", told, err)
	}
}
