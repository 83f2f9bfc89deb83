//go:build linux && acceptance

package emulation

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A binfmt is the kernel's list of interpreters for programs that are not its
// own, for one kind of them. The list is the whole machine's.
type binfmt struct {
	dir    string // where it is mounted
	name   string // of the test's own entry
	magic  string // how a program of the kind begins, of 20 bytes
	silent []string
}

// elfMask leaves out what differs between programs of one machine: the ABI, and
// whether it is position independent.
const elfMask = "\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"

// openBinfmt takes the machine's own interpreters of programs for a machine out
// of use; the list is as it was when the test ends.
func openBinfmt(t *testing.T, name string, machine byte) *binfmt {
	t.Helper()
	b := &binfmt{dir: t.TempDir(), name: name,
		magic: "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00" + string([]byte{machine}) + "\x00"}
	if err := unix.Mount("none", b.dir, "binfmt_misc", 0, ""); err != nil {
		t.Fatal("mounting binfmt_misc: ", err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error("restoring binfmt_misc: ", err)
		}
	})
	if err := b.silence(); err != nil {
		t.Fatal(err)
	}
	return b
}

// silence takes whatever is there for the magic out of use.
func (b *binfmt) silence() error {
	entries, err := filepath.Glob(filepath.Join(b.dir, "*"))
	for _, entry := range entries {
		text, _ := os.ReadFile(entry) // that to register new ones cannot be read
		if strings.HasPrefix(string(text), "enabled\n") && strings.Contains(string(text), "\nmagic "+hex.EncodeToString([]byte(b.magic))) {
			b.silent = append(b.silent, entry)
			err = errors.Join(err, write(entry, "0"))
		}
	}
	return err
}

// register has the kernel run the programs by an interpreter, which it opens at
// once (F): containers need none.
func (b *binfmt) register(interpreter string) error {
	line := ":" + b.name + ":M::" + escaped(b.magic) + ":" + escaped(elfMask) + ":" + interpreter + ":PF"
	return write(filepath.Join(b.dir, "register"), line)
}

func escaped(text string) string {
	var s strings.Builder
	for i := range len(text) {
		s.WriteString(`\x` + hex.EncodeToString([]byte{text[i]}))
	}
	return s.String()
}

// unregister is register undone, if it was.
func (b *binfmt) unregister() error {
	err := write(filepath.Join(b.dir, b.name), "-1")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (b *binfmt) close() error {
	err := b.unregister()
	for _, entry := range b.silent {
		err = errors.Join(err, write(entry, "1"))
	}
	return errors.Join(err, unix.Unmount(b.dir, 0))
}

// write is for files that are there: none can be made in this file system.
func write(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
