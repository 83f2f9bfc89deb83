package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func says(text string) func(io.Writer) error {
	return func(to io.Writer) error {
		_, err := io.WriteString(to, text)
		return err
	}
}

func TestOutputIsWholeOrAsItWas(t *testing.T) {
	a, dir := &app{}, t.TempDir()
	file := filepath.Join(dir, "file")
	expect := func(want string) {
		t.Helper()
		content, _ := os.ReadFile(file)
		if string(content) != want {
			t.Errorf("%q, not %q", content, want)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("there are %v", entries)
		}
	}
	if err := a.output(file, says("first")); err != nil {
		t.Fatal(err)
	}
	expect("first")
	failed := errors.New("failed")
	if err := a.output(file, func(to io.Writer) error { return errors.Join(says("sec")(to), failed) }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	expect("first")
	// What a killed one has left is in nobody's way, and longer.
	if err := os.WriteFile(file+".nixproxy-part", []byte("something long"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.output(file, says("third")); err != nil {
		t.Error(err)
	}
	expect("third")
}

func TestOutputOfTwo(t *testing.T) {
	a, file := &app{}, filepath.Join(t.TempDir(), "file")
	err := a.output(file, func(to io.Writer) error {
		if err := a.output(file, says("second")); err == nil || !strings.Contains(err.Error(), "file is being written by another nixproxy") {
			t.Errorf("%v", err)
		}
		return says("first")(to)
	})
	if content, _ := os.ReadFile(file); err != nil || string(content) != "first" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestOutputElsewhere(t *testing.T) {
	a, dir := &app{}, t.TempDir()
	if err := a.output(dir, says("x")); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("%v", err)
	}
	if err := a.output(filepath.Join(dir, "no/file"), says("x")); err == nil || hint.Text(err) != "there is no directory "+dir+"/no\nhint: make it first" {
		t.Errorf("%v", err)
	}
	if err := a.output(os.DevNull, says("x")); err != nil {
		t.Errorf("%v", err)
	}
}

// As cp does it: a link stays, and what it leads to is replaced.
func TestOutputThroughLinks(t *testing.T) {
	a, dir := &app{}, t.TempDir()
	if err := errors.Join(os.Mkdir(dir+"/away", 0o755), os.WriteFile(dir+"/away/file", nil, 0o644), os.Symlink("away/file", dir+"/link"), os.Symlink("nowhere", dir+"/dangling")); err != nil {
		t.Fatal(err)
	}
	if err := a.output(dir+"/link", says("x")); err != nil {
		t.Error(err)
	}
	content, _ := os.ReadFile(dir + "/away/file")
	if to, err := os.Readlink(dir + "/link"); err != nil || to != "away/file" || string(content) != "x" {
		t.Errorf("%v; the link leads to %s, and there is %q", err, to, content)
	}
	if err := a.output(dir+"/dangling", says("x")); err == nil || hint.Text(err) != "the link "+dir+"/dangling leads to nothing\nhint: remove it, or name another FILE" {
		t.Errorf("%v", err)
	}
}

func TestNoArchiveForATerminal(t *testing.T) {
	control, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	defer terminal.Close()
	for _, file := range []string{"", "-"} {
		if err := (&app{out: terminal}).output(file, says("x")); err == nil || !strings.Contains(hint.Of(err), "name a file with -o") {
			t.Errorf("%v", err)
		}
	}
}
