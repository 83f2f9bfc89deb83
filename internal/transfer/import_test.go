package transfer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/archive"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A large path was once read to its end after Ctrl-C.
func TestReadingAnArchiveEndsWithItsContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	content := make([]byte, 32<<20)
	rand.Read(content)
	var nar, written bytes.Buffer
	err := errors.Join(os.WriteFile(file, content, 0o600), nixstore.WriteArchive(&nar, file))
	hash, failed := nixstore.NarHash(file, nixstore.Unwatched)
	i := nixstore.Info{Path: "/nix/store/ib3sh3pcz10wsmavxvkdbayhqivbghlq-f", NarHash: hash, NarSize: int64(nar.Len())}
	m := archive.Manifest{Format: archive.Format, Manifest: agentapi.Manifest{Paths: []nixstore.Info{i}}}
	if err := errors.Join(err, failed, archive.Write(&written, m, &nar)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("somebody pressed Ctrl-C")
	var read int64
	r, err := openArchive(ctx, bytes.NewReader(written.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Each(func(i nixstore.Info, nar io.Reader) error {
		_, err := io.CopyN(io.Discard, nar, 1<<20)
		cancel(ended)
		read, _ = io.Copy(io.Discard, nar)
		return err
	})
	if !errors.Is(err, ended) || read > 24<<20 {
		t.Errorf("%v, after %d bytes more", err, read)
	}
}
