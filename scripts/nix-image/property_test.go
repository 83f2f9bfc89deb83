package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// elfFile writes one with nothing but two headers of segments.
func elfFile(t *testing.T, machine elf.Machine) string {
	t.Helper()
	head := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_DYN), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
	}
	var b bytes.Buffer
	for _, part := range []any{head, elf.Prog64{Type: uint32(elf.PT_GNU_PROPERTY), Off: 7}, elf.Prog64{Type: uint32(elf.PT_LOAD), Off: 8}} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDropProperty(t *testing.T) {
	for machine, want := range map[elf.Machine]elf.ProgType{elf.EM_AARCH64: elf.PT_NULL, elf.EM_X86_64: elf.PT_GNU_PROPERTY} {
		file := elfFile(t, machine)
		if err := dropProperty(file); err != nil {
			t.Fatal(err)
		}
		f, err := elf.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Progs[0].Type != want || f.Progs[1].Type != elf.PT_LOAD || f.Progs[1].Off != 8 {
			t.Errorf("%s: %v and %v", machine, f.Progs[0], f.Progs[1])
		}
	}
}
