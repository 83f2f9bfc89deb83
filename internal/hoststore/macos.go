package hoststore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A MacOSError says that a store path was built for macOS.
type MacOSError struct {
	Path     nixstore.Path
	Program  string        // the file in it that tells
	NeededBy nixstore.Path // empty if it was asked for itself
}

func (e *MacOSError) Error() string {
	text := fmt.Sprintf("%s is built for macOS (%s)", e.Path, e.Program)
	if e.NeededBy != "" {
		text += fmt.Sprintf(", and %s needs it", e.NeededBy)
	}
	return text + ": a volume takes what runs on Linux, and sources and derivations"
}

// ForLinux looks for paths that are of no use in a volume, on a Mac whose root
// directory is root: a *MacOSError names the first. A path whose content is its
// address is a source, whatever is in it.
func ForLinux(root string, infos []nixstore.Info) error {
	for _, i := range infos {
		if i.CA != "" {
			continue
		}
		program, err := macProgram(filepath.Join(root, string(i.Path)))
		if err != nil {
			return fmt.Errorf("looking into %s: %w", i.Path, err)
		}
		if program != "" {
			return hint.Add(&MacOSError{Path: i.Path, Program: program, NeededBy: neededBy(infos, i.Path)}, "build it there, with `nixproxy run`")
		}
	}
	return nil
}

func neededBy(infos []nixstore.Info, path nixstore.Path) nixstore.Path {
	for _, i := range infos {
		if i.Path != path && slices.Contains(i.References, path) {
			return i.Path
		}
	}
	return ""
}

// macProgram finds a program or a library for macOS in a store path, and returns
// its name in there.
func macProgram(dir string) (found string, err error) {
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && file == dir {
			return nil // the host's store is elsewhere
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode()&0o111 == 0 {
			return err
		}
		is, err := isMachO(file)
		if is {
			found, _ = filepath.Rel(dir, file)
			return fs.SkipAll
		}
		return err
	})
	return found, err
}

// isMachO knows the two kinds of file that a Mac executes (<mach-o/loader.h>,
// <mach-o/fat.h>). The second begins as a Java class does, but for the number that
// follows: of architectures there are few, of Java's versions none below 45.
func isMachO(file string) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var b [8]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = nil
		}
		return false, err
	}
	switch magic := binary.LittleEndian.Uint32(b[:]); magic {
	case 0xfeedface, 0xfeedfacf:
		return true, nil
	case 0xbebafeca, 0xbfbafeca: // with numbers of 32 bits, and of 64
		return binary.BigEndian.Uint32(b[4:]) < 45, nil
	}
	return false, nil
}
