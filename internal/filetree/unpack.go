package filetree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// unpack puts what Pack wrote into an empty directory. The tar may be anybody's:
// nothing is written outside the directory, and no link leads out of what was
// packed.
func unpack(from io.Reader, dir string, tell func(done, total int64)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacking{root: root, tell: tell}
	in := tar.NewReader(from)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return u.checkLinks()
		}
		if err != nil {
			return fmt.Errorf("reading what was packed: %w", err)
		}
		if err := u.entry(h, in); err != nil {
			return err
		}
	}
}

type unpacking struct {
	root        *os.Root
	links       []string
	done, total int64
	tell        func(done, total int64)
}

func (u *unpacking) entry(h *tar.Header, content io.Reader) error {
	if !filepath.IsLocal(h.Name) || h.Name != top && !strings.HasPrefix(h.Name, top+"/") {
		return fmt.Errorf("what was packed holds %q, which is not in it", h.Name)
	}
	if size, ok := h.PAXRecords[sizeRecord]; ok {
		u.total, _ = strconv.ParseInt(size, 10, 64)
	}
	var err error
	switch h.Typeflag {
	case tar.TypeDir:
		err = u.root.Mkdir(h.Name, 0o777)
	case tar.TypeSymlink:
		if h.Name == top {
			return errors.New("what was packed is a link")
		}
		u.links = append(u.links, h.Name)
		err = u.root.Symlink(h.Linkname, h.Name)
	case tar.TypeReg:
		err = u.file(h, content)
	default:
		err = fmt.Errorf("what was packed holds %q of type %q", h.Name, h.Typeflag)
	}
	if errors.Is(err, fs.ErrExist) {
		return u.clash(h.Name)
	}
	return err
}

// file writes a file, with the mode that the user's umask gives to new ones.
func (u *unpacking) file(h *tar.Header, content io.Reader) error {
	mode := fs.FileMode(0o666)
	if h.Mode&0o100 != 0 {
		mode = 0o777
	}
	f, err := u.root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(f, counting{u}), content)
	return errors.Join(err, f.Close())
}

// counting counts what is written to it, for tell.
type counting struct{ *unpacking }

func (c counting) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	c.tell(c.done, c.total)
	return len(p), nil
}

// clash explains why a name exists already in a directory that was empty.
func (u *unpacking) clash(name string) error {
	short := strings.TrimPrefix(name, top+"/")
	dir, err := u.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, other := range names {
		if other != path.Base(name) && strings.EqualFold(other, path.Base(name)) {
			return hint.Add(fmt.Errorf("%s and %s differ in nothing but case, and the file system there cannot tell them apart", path.Join(path.Dir(short), other), short), "name a DEST on one that can, or copy a part")
		}
	}
	return hint.Add(fmt.Errorf("the file system there takes %s for a name that it already has", short), "name a DEST on another one, or copy a part")
}

// checkLinks fails if a link leads out of what was unpacked, now that all of it is
// there.
func (u *unpacking) checkLinks() error {
	info, err := u.root.Lstat(top)
	if err != nil {
		return errors.New("nothing was packed")
	}
	if !info.IsDir() {
		return nil
	}
	tree, err := u.root.OpenRoot(top)
	if err != nil {
		return err
	}
	defer tree.Close()
	for _, name := range u.links {
		if _, err := tree.Stat(strings.TrimPrefix(name, top+"/")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("what was packed holds a link that leads out of it: %w", err)
		}
	}
	return nil
}
