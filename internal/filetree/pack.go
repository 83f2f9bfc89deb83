package filetree

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// top is the name that what was packed has in the tar; all else is below it.
const top = "top"

// sizeRecord is the first entry's record of the sum of all files' sizes, in bytes.
const sizeRecord = "NIXPROXY.size"

// Pack writes what is at a path as a tar of directories, files and links. A link
// that leads through nothing but the packed tree stays a link, any other becomes
// what it leads to. A link out of the store, or to a directory that the link is
// in, is an error, and then nothing was written. Modes keep their executable bit
// alone. Pack returns the real paths that files came from: what was packed, and
// what links led to.
func Pack(to io.Writer, store, from string) (roots []string, err error) {
	real, err := filepath.EvalSymlinks(from)
	if err != nil {
		return nil, err
	}
	if !below(real, store) {
		return nil, fmt.Errorf("%s leads to %s, out of the store", from, real)
	}
	p := &plan{store: store}
	if err := p.addTree(top, real); err != nil {
		return nil, err
	}
	out := tar.NewWriter(to)
	for i, e := range p.entries {
		h := e.header()
		if i == 0 {
			h.PAXRecords = map[string]string{sizeRecord: strconv.FormatInt(p.bytes, 10)}
		}
		if err := e.write(out, h); err != nil {
			return nil, err
		}
	}
	return p.roots, out.Close()
}

func (e entry) header() *tar.Header {
	h := &tar.Header{Name: e.name, Format: tar.FormatPAX}
	switch {
	case e.link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
	case e.source == "":
		h.Typeflag, h.Mode = tar.TypeDir, 0o755
	default:
		h.Typeflag, h.Mode, h.Size = tar.TypeReg, 0o644, e.info.Size()
		if e.info.Mode()&0o111 != 0 {
			h.Mode = 0o755
		}
	}
	return h
}

func (e entry) write(out *tar.Writer, h *tar.Header) error {
	if err := out.WriteHeader(h); err != nil || e.source == "" {
		return err
	}
	f, err := os.Open(e.source)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(out, f)
	return err
}
