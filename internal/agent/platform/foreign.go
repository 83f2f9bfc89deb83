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
)

// platformOf tells what a program, or the interpreter of a script, is made for;
// false when it is neither, or for another platform than those that we know.
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

// Emulated tells whether a program needs an emulator to run.
func Emulated(path string) bool {
	_, other := foreign(path)
	return other
}

// foreign tells whether a program is not for the engine's kernel, whose the
// agent always is.
func foreign(path string) (platform, bool) {
	p, known := platformOf(path)
	return p, known && p.arch != runtime.GOARCH
}

// NotExecuted is why the kernel would not execute a program: where emulation is
// missing, with what helps. ENOENT is of an emulator that cannot be seen in a
// container.
func NotExecuted(path string, err error) error {
	p, other := foreign(path)
	if !other || !errors.Is(err, unix.ENOEXEC) && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return fmt.Errorf("it is a program for %s, and the engine's kernel, for %s, does not run those: install emulation on the engine's machine, "+
		"for example by `docker run --privileged --rm tonistiigi/binfmt --install %s` (Docker Desktop and OrbStack have it)", p.arch, runtime.GOARCH, p.arch)
}
