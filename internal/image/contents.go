package image

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// contents describes an archive of images.
type contents struct {
	docker bool // it has the manifest.json of `docker save`
	oci    bool // it has the index.json of an OCI layout
	volume bool // it is what `nixproxy volume export` writes
	files  int
	err    error
}

// images tells whether it is a complete archive of images.
func (c contents) images() bool { return c.err == nil && (c.docker || c.oci) && !c.volume }

var (
	errNoImages = errors.New("it holds no images")
	errUnread   = errors.New("the archive was not read to its end")
)

// A watched archive is scanned while another reader reads it.
type watched struct {
	from io.Reader
	to   *io.PipeWriter
	seen chan contents
	over atomic.Bool // it was read to its end; by an engine's client, in its own time
}

// watch scans an archive, tar or gzip, until end is called, which it must be.
func watch(archive io.Reader) *watched {
	from, to := io.Pipe()
	w := &watched{from: archive, to: to, seen: make(chan contents, 1)}
	go func() {
		seen := scan(from)
		_, _ = io.Copy(io.Discard, from)
		w.seen <- seen
	}()
	return w
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	_, _ = w.to.Write(p[:n])
	if err == io.EOF {
		w.over.Store(true)
	}
	return n, err
}

// end returns what the archive holds, as far as it was read.
func (w *watched) end() contents {
	if w.over.Load() {
		w.to.Close()
	} else {
		w.to.CloseWithError(errUnread)
	}
	return <-w.seen
}

func scan(archive io.Reader) (c contents) {
	from := bufio.NewReader(archive)
	var content io.Reader = from
	if start, _ := from.Peek(2); string(start) == "\x1f\x8b" { // RFC 1952, section 2.3.1
		unzipped, err := gzip.NewReader(from)
		if err != nil {
			return contents{err: err}
		}
		content = unzipped
	}
	for files := tar.NewReader(content); ; {
		file, err := files.Next()
		if err == io.EOF {
			return c
		}
		if err != nil {
			c.err = err
			return c
		}
		c.files++
		name := strings.TrimPrefix(file.Name, "./")
		c.docker = c.docker || name == "manifest.json"
		c.oci = c.oci || name == "index.json"
		c.volume = c.volume || strings.HasPrefix(name, "nar/")
	}
}

// explain returns why an engine did not load the archive, where its content shows it.
func (c contents) explain(err error) error {
	cut := errors.Is(c.err, io.ErrUnexpectedEOF)
	switch {
	case c.volume:
		return hint.Add(errors.New("this is an export of a volume"), "`nixproxy volume import` takes it")
	case cut && c.files > 0:
		return hint.Add(errors.New("the archive ends too early"), "copy it again, whole")
	case cut, errors.Is(c.err, tar.ErrHeader), c.err == nil && !c.images():
		return errors.New("this is no archive of images, such as `nixproxy image save` and `docker save` write")
	case c.err == nil && !c.docker:
		return hint.Add(fmt.Errorf("%w: this is an OCI layout, which not every engine loads", err), "`skopeo copy oci-archive:FILE docker-archive:FILE` makes another archive of it")
	}
	return err
}
