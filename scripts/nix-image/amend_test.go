package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unpacked makes a package as unpack would.
func unpacked(t *testing.T, name string, files ...string) *pkg {
	t.Helper()
	p := &pkg{deb: deb{name: name}, dir: t.TempDir(), files: map[string]bool{}, links: map[string]string{}}
	for _, rel := range files {
		if err := p.write(rel, strings.NewReader("text of "+rel+"\n"), strings.HasPrefix(rel, "bin/")); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestOnlyOldNixIsWrapped(t *testing.T) {
	for _, c := range []struct {
		files   []string
		wrapped bool
	}{
		{[]string{"bin/nix", "lib/nix/libnixstore.so"}, true},
		{[]string{"bin/nix"}, false},
	} {
		p := unpacked(t, "nix-bin", c.files...)
		if err := amend(p); err != nil {
			t.Fatal(err)
		}
		if _, moved := p.files["libexec/nix/nix"]; moved != c.wrapped {
			t.Errorf("with %v wrapped = %v, want %v", c.files, moved, c.wrapped)
		}
	}
}

func TestCertificatesAreBundledInOrder(t *testing.T) {
	p := unpacked(t, "ca-certificates", "share/ca-certificates/mozilla/b.crt", "share/ca-certificates/mozilla/a.crt")
	if err := amend(p); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "etc/ssl/certs/ca-bundle.crt"))
	if err != nil {
		t.Fatal(err)
	}
	want := "text of share/ca-certificates/mozilla/a.crt\ntext of share/ca-certificates/mozilla/b.crt\n"
	if string(text) != want || len(p.files) != 1 {
		t.Errorf("the bundle is %q beside %v", text, p.files)
	}
}

func TestScriptsOfMissingInterpretersAndLinksToThemGo(t *testing.T) {
	p := unpacked(t, "git")
	for rel, text := range map[string]string{"bin/svn": "#!/usr/bin/perl -w\n", "bin/sub": "#! /bin/sh\n", "bin/sh": "ELF"} {
		if err := p.write(rel, strings.NewReader(text), true); err != nil {
			t.Fatal(err)
		}
	}
	p.links["bin/link"], p.links["bin/linklink"], p.links["bin/good"] = "bin/svn", "bin/link", "bin/sub"
	x := newIndex([]*pkg{p}, "x86_64-linux-gnu")
	if err := x.dropForeign(); err != nil {
		t.Fatal(err)
	}
	if len(p.files) != 2 || len(p.links) != 1 || p.links["bin/good"] == "" {
		t.Errorf("left are %v and %v", p.files, p.links)
	}
}
