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
	Program  string        // the file in it that is for macOS
	NeededBy nixstore.Path // a path that refers to it; empty: none does
}

func (e *MacOSError) Error() string {
	text := fmt.Sprintf("%s is built for macOS (%s)", e.Path, e.Program)
	if e.NeededBy != "" {
		text += fmt.Sprintf(", and %s needs it", e.NeededBy)
	}
	return text + ": a volume takes what runs on Linux, and sources and derivations"
}

// ForLinux returns a *MacOSError about the first path that a volume has no use for, on a Mac
// with the root directory root. It does not look into content-addressed paths: these are
// sources.
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

// macProgram returns the name of a program or library for macOS in a store path; empty if
// there is none.
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

// isMachO reports whether a file is of one of the two kinds that a Mac executes
// (<mach-o/loader.h>, <mach-o/fat.h>). The second kind begins like a Java class. The next
// number tells them apart: architectures are few, Java's versions start at 45.
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
