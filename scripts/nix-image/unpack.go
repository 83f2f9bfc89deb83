package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// pkg is an unpacked Debian package. Files lie on disk under their names in the store; links are
// kept aside until it is known where their targets end up.
type pkg struct {
	deb
	dir   string
	files map[string]bool   // name in the store -> executable
	links map[string]string // name in the store -> target's name in the store
}

// unpack lays a package's files out as a store path: /usr merged into the root, sbin into bin.
func unpack(ctx context.Context, d deb, dir string) (*pkg, error) {
	p := &pkg{deb: d, dir: dir, files: map[string]bool{}, links: map[string]string{}}
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", d.file)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err = p.readTar(tar.NewReader(stdout))
	_, _ = io.Copy(io.Discard, stdout) // a tar's padding, so that dpkg-deb does not die of a closed pipe
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", filepath.Base(d.file), err)
	}
	return p, nil
}

func (p *pkg) readTar(archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = p.add(header, archive)
		}
		if err != nil {
			return err
		}
	}
}

func (p *pkg) add(header *tar.Header, content io.Reader) error {
	name := path.Join("/", header.Name)
	rel := relName(name)
	if !keep(rel) {
		return nil
	}
	switch header.Typeflag {
	case tar.TypeReg:
		return p.write(rel, content, header.Mode&0o111 != 0)
	case tar.TypeLink:
		return p.copyFile(relName(header.Linkname), rel)
	case tar.TypeSymlink:
		target := header.Linkname
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		p.links[rel] = relName(target)
	}
	return nil
}

func (p *pkg) write(rel string, content io.Reader, executable bool) error {
	file := filepath.Join(p.dir, rel)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	p.files[rel] = executable
	return errors.Join(err, out.Close())
}

// copyFile resolves a hard link: its two names may get different contents later.
func (p *pkg) copyFile(from, to string) error {
	in, err := os.Open(filepath.Join(p.dir, from))
	if err != nil {
		return err
	}
	defer in.Close()
	return p.write(to, in, p.files[from])
}

// drop takes a file or link out of the package again.
func (p *pkg) drop(rel string) error {
	delete(p.links, rel)
	if _, ok := p.files[rel]; !ok {
		return nil
	}
	delete(p.files, rel)
	return os.Remove(filepath.Join(p.dir, rel))
}

// relName gives the name in a store path of a file's name in Debian. Merging /usr makes both
// names of a file one.
func relName(debian string) string {
	rel := strings.TrimPrefix(path.Clean("/"+debian), "/")
	rel = strings.TrimPrefix(rel, "usr/")
	if rest, ok := strings.CutPrefix(rel, "sbin/"); ok {
		rel = "bin/" + rest
	}
	return rel
}
