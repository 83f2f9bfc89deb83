package platform

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// platformOf returns the platform of a program, or of a script's interpreter. It returns
// false for any other file, and for a platform that is not known here.
func platformOf(path string) (platform, bool) {
	for range 4 { // as deep as the kernel follows
		head, err := readHead(path)
		if err != nil {
			break
		}
		line, ok := bytes.CutPrefix(head, []byte("#!"))
		if !ok {
			return platformIn(head)
		}
		line, _, _ = bytes.Cut(line, []byte("\n"))
		fields := strings.Fields(string(line))
		if len(fields) == 0 {
			break
		}
		path = fields[0]
	}
	return platform{}, false
}

func platformIn(head []byte) (platform, bool) {
	var file elf.Header64
	if binary.Read(bytes.NewReader(head), binary.LittleEndian, &file) != nil || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return platform{}, false
	}
	for _, p := range platforms {
		if file.Machine == uint16(p.machine) {
			return p, true
		}
	}
	return platform{}, false
}

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 256))
}

// Emulated reports whether a program needs an emulator to run.
func Emulated(path string) bool {
	_, other := foreign(path)
	return other
}

// foreign returns the platform of a program, and whether that is not the kernel's: the
// agent is always built for the kernel's.
func foreign(path string) (platform, bool) {
	p, known := platformOf(path)
	return p, known && p.arch != runtime.GOARCH
}

// NotExecuted returns why the kernel would not execute a program, with a hint if
// emulation is missing. ENOENT is the error when the emulator's file cannot be seen in
// the container.
func NotExecuted(path string, err error) error {
	p, other := foreign(path)
	if !other || !errors.Is(err, unix.ENOEXEC) && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return hint.Add(fmt.Errorf("it is a program for %s, and the engine's kernel, for %s, does not run those", p.arch, runtime.GOARCH),
		"install emulation on the engine's machine, for example by `docker run --privileged --rm tonistiigi/binfmt --install %s` (Docker Desktop and OrbStack have it)", p.arch)
}
