package filetree

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// plant makes files, links (->) and directories (/) below a directory.
func plant(t *testing.T, dir string, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		link, target, isLink := strings.Cut(f, "->")
		if isLink {
			name = link
		}
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case isLink:
			err = errors.Join(err, os.Symlink(strings.ReplaceAll(target, "STORE", dir), path))
		case strings.HasSuffix(name, "/"):
			err = errors.Join(err, os.MkdirAll(path, 0o755))
		case strings.HasPrefix(content, "#!"):
			err = errors.Join(err, os.WriteFile(path, []byte(content), 0o555))
		default:
			err = errors.Join(err, os.WriteFile(path, []byte(content), 0o444))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// list returns what is below a directory, in the words of plant, with modes.
func list(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			all = append(all, fmt.Sprintf("%s/ %o", name, info.Mode().Perm()))
		case d.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(path)
			all = append(all, name+"->"+target)
		default:
			content, _ := os.ReadFile(path)
			all = append(all, fmt.Sprintf("%s=%s %o", name, content, info.Mode().Perm()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// copyTree packs and unpacks.
func copyTree(store, from, dest string) error {
	d, err := FindDestination(dest, filepath.Base(from))
	if err != nil {
		return err
	}
	return d.Unpack(func(to io.Writer) error { _, err := Pack(to, store, from); return err }, func(_, _ int64) {})
}

func TestCopy(t *testing.T) {
	store := plant(t, t.TempDir(),
		"a/bin/run=#!/bin/sh", "a/data=d", "a/empty/", "a/sbin->bin", "a/bin/again->run", "a/bin/up->../data", "a/abs->STORE/a/bin/run", "a/gone->nothing",
		"a/file->STORE/b/lib/x", "a/dir->STORE/b", "a/rel->../b/lib", "a/deep->dir/lib/x",
		"b/lib/x=x", "b/lib/y->x", "b/lib/out->STORE/c", "b/self->.", "c=c")
	into := t.TempDir()
	if err := copyTree(store, store+"/a", into+"/copy"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"copy/ 755", "copy/abs->bin/run", "copy/bin/ 755", "copy/bin/again->run", "copy/bin/run=#!/bin/sh 755", "copy/bin/up->../data", "copy/data=d 644",
		"copy/deep=x 644",
		"copy/dir/ 755", "copy/dir/lib/ 755", "copy/dir/lib/out=c 644", "copy/dir/lib/x=x 644", "copy/dir/lib/y->x", "copy/dir/self->.",
		"copy/empty/ 755", "copy/file=x 644", "copy/gone->nothing",
		"copy/rel/ 755", "copy/rel/out=c 644", "copy/rel/x=x 644", "copy/rel/y->x", "copy/sbin->bin",
	}
	if got := list(t, into); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// A link to what is copied is what it leads to.
	if err := copyTree(store, store+"/a/rel/y", into+"/y"); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(into + "/y"); err != nil || string(content) != "x" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestWhatCannotBeCopied(t *testing.T) {
	store := plant(t, t.TempDir(), "out/x->/etc/passwd", "loop/l->l", "above/x/up->STORE/above", "around/x->STORE/turn", "turn/x->STORE/around", "lost/x->STORE/nothing", "top->/etc")
	for from, says := range map[string]string{
		"out":     "/out/x leads to /etc/passwd, out of the store",
		"loop":    "too many links",
		"above/x": "which it is in",
		"around":  "which it is in",
		"lost":    "no such file",
		"top":     "out of the store",
		"nix":     "no such file",
	} {
		into := t.TempDir()
		if err := copyTree(store, filepath.Join(store, from), into+"/copy"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", from, err)
		}
		if left := list(t, into); left != nil {
			t.Errorf("%s: left %q", from, left)
		}
	}
}

// As `cp -r` has it, but that directories are not merged.
func TestDestination(t *testing.T) {
	store := plant(t, t.TempDir(), "tree/x=x", "file=new")
	for _, test := range []struct {
		from, dest string
		there      []string
		says       string // or
		left       []string
	}{
		{"file", "new", nil, "", []string{"new=new 644"}},
		{"file", "d", []string{"d/"}, "", []string{"d/ 755", "d/file=new 644"}},
		{"file", "d/", []string{"d/"}, "", []string{"d/ 755", "d/file=new 644"}},
		{"file", "old", []string{"old=old"}, "", []string{"old=new 644"}},
		{"file", "l", []string{"d/", "l->d"}, "", []string{"d/ 755", "d/file=new 644", "l->d"}},
		{"file", "l", []string{"old=old", "l->old"}, "", []string{"l->old", "old=new 644"}},
		{"file", "l", []string{"l->nothing"}, "leads to nothing", []string{"l->nothing"}},
		{"file", "no/new", nil, "there is no directory", nil},
		{"file", "new/", nil, "there is no directory", nil},
		{"file", "d", []string{"d/file/"}, "there is a directory", []string{"d/ 755", "d/file/ 755"}},
		{"tree", "new", nil, "", []string{"new/ 755", "new/x=x 644"}},
		{"tree", "new/", nil, "", []string{"new/ 755", "new/x=x 644"}},
		{"tree", "d", []string{"d/"}, "", []string{"d/ 755", "d/tree/ 755", "d/tree/x=x 644"}},
		{"tree", "d", []string{"d/tree/y=y"}, "there is a directory", []string{"d/ 755", "d/tree/ 755", "d/tree/y=y 444"}},
		{"tree", "old", []string{"old=old"}, "is a file, and a directory is copied", []string{"old=old 444"}},
		{"tree", "old/new", []string{"old=old"}, "not a directory", []string{"old=old 444"}},
	} {
		into := plant(t, t.TempDir(), test.there...)
		err := copyTree(store, store+"/"+test.from, into+"/"+test.dest)
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s to %s beside %q: %v", test.from, test.dest, test.there, err)
		}
		if got := list(t, into); !slices.Equal(got, test.left) {
			t.Errorf("%s to %s beside %q: there is %q", test.from, test.dest, test.there, got)
		}
	}
}

// Nothing is there but all of it, and what others were doing is let be.
func TestAFailureLeavesNothing(t *testing.T) {
	store := plant(t, t.TempDir(), "tree/x=x", "tree/y=y")
	into := plant(t, t.TempDir(), ".nixproxy-cp-killed/top/x=x", ".nixproxy-cp-busy/top/x=x", ".nixproxy-cp-file=x")
	unlock, err := lockDir(into + "/.nixproxy-cp-busy")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	failed := errors.New("it failed")
	for name, send := range map[string]func(io.Writer) error{
		"at once":     func(io.Writer) error { return failed },
		"at the end":  func(to io.Writer) error { _, err := Pack(to, store, store+"/tree"); return errors.Join(err, failed) },
		"in a header": func(to io.Writer) error { return errors.Join(send(t, to, store, 700), failed) },
		"in a file":   func(to io.Writer) error { return errors.Join(send(t, to, store, 2600), failed) },
	} {
		d, err := FindDestination(into+"/copy", "tree")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Unpack(send, func(_, _ int64) {}); !errors.Is(err, failed) {
			t.Errorf("%s: %v", name, err)
		}
		if got := list(t, into); !slices.Equal(got, []string{".nixproxy-cp-busy/ 755", ".nixproxy-cp-busy/top/ 755", ".nixproxy-cp-busy/top/x=x 444", ".nixproxy-cp-file=x 444"}) {
			t.Errorf("%s: there is %q", name, got)
		}
	}
}

// send writes the beginning of a tree.
func send(t *testing.T, to io.Writer, store string, n int) error {
	var all bytes.Buffer
	if _, err := Pack(&all, store, store+"/tree"); err != nil {
		t.Fatal(err)
	}
	_, err := to.Write(all.Bytes()[:n])
	return err
}

// The tar may come from anybody.
func TestUnpackTrustsNobody(t *testing.T) {
	dir, file := tar.Header{Typeflag: tar.TypeDir, Name: "top"}, tar.Header{Typeflag: tar.TypeReg, Name: "top"}
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	at := func(h tar.Header, name string) tar.Header { h.Name = name; return h }
	for name, test := range map[string]struct {
		entries []tar.Header
		says    string
	}{
		"above":          {[]tar.Header{dir, at(file, "top/../../x")}, "is not in it"},
		"absolute":       {[]tar.Header{at(file, "/tmp/x")}, "is not in it"},
		"beside":         {[]tar.Header{dir, at(file, "topx")}, "is not in it"},
		"through a link": {[]tar.Header{dir, link("top/l", "/tmp"), at(file, "top/l/x")}, "escapes"},
		"a link out":     {[]tar.Header{dir, link("top/l", "/tmp")}, "leads out of it"},
		"a link up":      {[]tar.Header{dir, link("top/l", "..")}, "leads out of it"},
		"a link around":  {[]tar.Header{dir, link("top/d", "."), link("top/l", "d/..")}, "leads out of it"},
		"a link":         {[]tar.Header{link("top", "x")}, "is a link"},
		"a device":       {[]tar.Header{{Typeflag: tar.TypeChar, Name: "top"}}, "of type"},
		"a hard link":    {[]tar.Header{dir, {Typeflag: tar.TypeLink, Name: "top/x", Linkname: "/etc/passwd"}}, "of type"},
		"nothing":        {nil, "nothing was packed"},
		"twice":          {[]tar.Header{dir, at(file, "top/x"), at(file, "top/x")}, "takes x for a name that it already has"},
		"over a link":    {[]tar.Header{dir, link("top/x", "/tmp/x"), at(file, "top/x")}, "takes x"},
	} {
		var buffer bytes.Buffer
		w := tar.NewWriter(&buffer)
		for _, h := range test.entries {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		into := t.TempDir()
		d := Destination{Path: into + "/copy"}
		err := d.Unpack(func(to io.Writer) error { _, err := io.Copy(to, &buffer); return err }, func(_, _ int64) {})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if got := list(t, into); got != nil {
			t.Errorf("%s: there is %q", name, got)
		}
	}
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "top", Mode: 0o6755})
	w.Close()
	into := t.TempDir()
	if err := (Destination{Path: into + "/f"}).Unpack(func(to io.Writer) error { _, err := io.Copy(to, &buffer); return err }, func(_, _ int64) {}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(into + "/f"); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestNamesThatClash(t *testing.T) {
	into := plant(t, t.TempDir(), "top/README=r")
	root, err := os.OpenRoot(into)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := (&unpacking{root: root}).clash("top/readme"); err == nil || !strings.HasPrefix(err.Error(), "README and readme differ in nothing but case") {
		t.Error(err)
	}
}

func TestTellsOfTheBytes(t *testing.T) {
	store := plant(t, t.TempDir(), "tree/x=xxx", "tree/y=yyyy")
	var done, total int64
	d := Destination{Path: t.TempDir() + "/copy"}
	err := d.Unpack(func(to io.Writer) error { _, err := Pack(to, store, store+"/tree"); return err }, func(d, of int64) { done, total = d, of })
	if err != nil || done != 7 || total != 7 {
		t.Errorf("%d of %d, %v", done, total, err)
	}
}

// A copy to a network's file system once made directory after directory, and an
// archive there was said to be written by another nixproxy.
func TestFileSystemsWithoutLocks(t *testing.T) {
	tryLock = func(*os.File, filelock.Mode) error { return filelock.ErrNoLocks }
	defer func() { tryLock = filelock.Try }()
	dir := plant(t, t.TempDir(), "store/p/file=x", tempPrefix+"1/top=another's")
	if err := copyTree(dir+"/store", dir+"/store/p", dir+"/copy"); err != nil {
		t.Error(err)
	}
	if err := Write(dir+"/archive", func(w io.Writer) error { _, err := io.WriteString(w, "all"); return err }); err != nil {
		t.Error(err)
	}
	want := []string{tempPrefix + "1/ 755", tempPrefix + "1/top=another's 444", "archive=all 644", "copy/ 755", "copy/file=x 644", "store/ 755", "store/p/ 755", "store/p/file=x 444"}
	if got := list(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	tryLock = func(*os.File, filelock.Mode) error { return unix.EIO }
	if err := copyTree(dir+"/store", dir+"/store/p", dir+"/other"); !errors.Is(err, unix.EIO) {
		t.Error(err)
	}
}

// A download that is under way has such a name.
func TestWriteLeavesOthersFilesAlone(t *testing.T) {
	dir := plant(t, t.TempDir(), "precious=mine", "archive.part=mine", "archive"+partSuffix+"->precious")
	if err := os.Chmod(dir+"/archive.part", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir+"/archive", func(w io.Writer) error { return nil }); err == nil {
		t.Error("it was written through another's link")
	}
	if err := errors.Join(os.Remove(dir+"/archive"+partSuffix), Write(dir+"/archive", func(w io.Writer) error { return nil })); err != nil {
		t.Error(err)
	}
	if got := list(t, dir); !slices.Equal(got, []string{"archive= 644", "archive.part=mine 644", "precious=mine 444"}) {
		t.Errorf("got %q", got)
	}
}
