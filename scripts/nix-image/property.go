package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
)

// dropProperty takes the header of GNU's property note out of an arm64 file. patchelf 0.14 moves
// the note and leaves the header pointing to where it was, for which Linux and qemu refuse the
// file ("Invalid note in PT_GNU_PROPERTY"). All that is lost is that branches are protected.
func dropProperty(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var head elf.Header64
	if err := readAt(f, 0, &head); err != nil {
		return err
	}
	if head.Machine != uint16(elf.EM_AARCH64) {
		return nil
	}
	for i := range int64(head.Phnum) {
		at := int64(head.Phoff) + i*int64(head.Phentsize)
		var segment elf.Prog64
		if err := readAt(f, at, &segment); err != nil {
			return err
		}
		if segment.Type != uint32(elf.PT_GNU_PROPERTY) {
			continue
		}
		if _, err := f.WriteAt(make([]byte, head.Phentsize), at); err != nil { // PT_NULL
			return err
		}
	}
	return nil
}

func readAt(f *os.File, at int64, to any) error {
	raw := make([]byte, binary.Size(to))
	if _, err := f.ReadAt(raw, at); err != nil {
		return err
	}
	return binary.Read(bytes.NewReader(raw), binary.LittleEndian, to)
}
