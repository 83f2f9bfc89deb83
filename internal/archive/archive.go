// Package archive writes and reads the file that a volume is exported to: a tar, compressed
// with zstd, of manifest.json and, in the order of the paths in it, a file
// nar/<name of the path>.nar for each. The programs tar and zstd can unpack it.
package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Write writes the file. Archives is the stream of the archives of the manifest's paths, in
// that order. Write returns a *nixstore.ChangedError for an archive with another hash than
// in the manifest, and an error for a manifest that Open would refuse.
func Write(to io.Writer, m Manifest, archives io.Reader) error {
	compressed, err := compress(to)
	if err != nil {
		return err
	}
	err = write(tar.NewWriter(compressed), m, archives)
	if err != nil {
		return err // without an end, so that no reader takes it for complete
	}
	return compressed.Close()
}

func write(to *tar.Writer, m Manifest, archives io.Reader) error {
	text, err := m.marshal()
	if err != nil {
		return err
	}
	if err := to.WriteHeader(header(manifestName, int64(len(text)))); err != nil {
		return err
	}
	if _, err := to.Write(text); err != nil {
		return err
	}
	for _, i := range m.Paths {
		if err := to.WriteHeader(header(entryName(i.Path), i.NarSize)); err != nil {
			return err
		}
		if err := i.Copy(to, archives); err != nil {
			return fmt.Errorf("writing %s: %w", i.Path, err)
		}
	}
	return to.Close()
}

func entryName(path nixstore.Path) string { return "nar/" + path.Base() + ".nar" }

// header returns an entry's header, the same whenever it is written.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o444, ModTime: time.Unix(1, 0)}
}

// A Reader reads the file from its beginning to its end.
type Reader struct {
	Manifest
	content io.ReadCloser // decompressed
	tar     *tar.Reader
}

// Open reads the manifest. Close frees the decompressor; it does not close the file.
func Open(file io.Reader) (*Reader, error) {
	content, err := decompress(file)
	if err != nil {
		return nil, err
	}
	r := &Reader{content: content, tar: tar.NewReader(content)}
	if err := r.manifest(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close ends the reading.
func (r *Reader) Close() { r.content.Close() }

var errForeign = hint.Add(errors.New("this is not an export of a volume"), "`nixproxy volume export` writes one; an image goes to `nixproxy image load`")

func (r *Reader) manifest() error {
	first, err := r.tar.Next()
	if err == nil && (first.Name != manifestName || first.Size > maxManifest) {
		err = tar.ErrHeader
	}
	if errors.Is(err, io.EOF) || errors.Is(err, tar.ErrHeader) || errors.Is(err, zstd.ErrMagicMismatch) {
		return errForeign
	}
	if err != nil {
		return damaged("its manifest", err)
	}
	text, err := io.ReadAll(r.tar)
	if err != nil {
		return damaged("its manifest", err)
	}
	r.Manifest, err = parseManifest(text)
	return err
}

// Each calls use with each path's archive; use must read all of it or nothing. Each returns
// an error unless all archives are there, with nothing behind them.
func (r *Reader) Each(use func(nixstore.Info, io.Reader) error) error {
	for n, i := range r.Paths {
		entry, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("it ends after %d of %d paths", n, len(r.Paths))
		} else if err == nil && (entry.Name != entryName(i.Path) || entry.Size != i.NarSize) {
			err = fmt.Errorf("it is %s, of %d bytes", entry.Name, entry.Size)
		}
		if err == nil {
			err = use(i, r.tar)
		}
		if err != nil {
			return damaged(string(i.Path), err)
		}
	}
	if _, err := r.tar.Next(); err == nil {
		return errors.New("there is more in it than its manifest lists")
	} else if err != io.EOF {
		return damaged("its end", err)
	}
	// Checksums are at the very end.
	if _, err := io.Copy(zeros{}, r.content); err != nil {
		return damaged("its end", err)
	}
	return nil
}

// zeros accepts only zeros: nothing else may follow the end of a tar.
type zeros struct{}

func (zeros) Write(p []byte) (int, error) {
	if len(bytes.Trim(p, "\x00")) > 0 {
		return 0, errors.New("something follows it")
	}
	return len(p), nil
}

// damaged returns an error that names the part of the file that cannot be read.
func damaged(part string, err error) error {
	var changed *nixstore.ChangedError
	switch {
	case errors.As(err, &changed):
		return hint.Add(fmt.Errorf("%s in it has another hash than its manifest says", part), "export it anew")
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = hint.Add(errors.New("the file ends too early"), "copy it again, whole")
	}
	return fmt.Errorf("reading %s: %w", part, err)
}
