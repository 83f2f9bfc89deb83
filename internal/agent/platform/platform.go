package platform

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// A platform is the architecture that a program is built for.
type platform struct {
	arch    string
	machine elf.Machine
	exit    []byte // machine code that ends a process with status 0
}

var platforms = []platform{
	{"amd64", elf.EM_X86_64, []byte{
		0x31, 0xff, // xor edi, edi
		0xb8, 0x3c, 0, 0, 0, // mov eax, 60
		0x0f, 0x05, // syscall
	}},
	{"arm64", elf.EM_AARCH64, []byte{
		0x00, 0x00, 0x80, 0xd2, // mov x0, #0
		0xa8, 0x0b, 0x80, 0xd2, // mov x8, #93
		0x01, 0x00, 0x00, 0xd4, // svc #0
	}},
}

// program returns the smallest static program for the platform. It ends at once.
func (p platform) program() []byte {
	const at, head = 0x400000, 64 + 56 // the two headers
	file := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(p.machine), Version: uint32(elf.EV_CURRENT),
		Entry: at + head, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	size := uint64(head + len(p.exit))
	segment := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: at, Paddr: at, Filesz: size, Memsz: size, Align: 0x10000, // arm64's largest page
	}
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, file) // a buffer takes everything
	_ = binary.Write(&b, binary.LittleEndian, segment)
	return append(b.Bytes(), p.exit...)
}

// tryLimit bounds the time to find out which programs the kernel runs.
const tryLimit = 5 * time.Second

// Try finds out in the background which systems' programs the kernel runs besides the
// agent's own, by executing one of each. That works alike with qemu, Rosetta and OrbStack,
// and needs no mount. Call it before any process is started: a child that is forked while
// the program is written holds it open, and a file open for writing cannot be executed.
func Try(dir string) func() []string {
	files := map[string]string{}
	for _, p := range platforms {
		file := filepath.Join(dir, "try-"+p.arch)
		if p.arch != runtime.GOARCH && os.WriteFile(file, p.program(), 0o700) == nil {
			files[file] = agentapi.System(p.arch)
		}
	}
	systems := sync.OnceValue(func() []string {
		ctx, cancel := context.WithTimeout(context.Background(), tryLimit)
		defer cancel()
		var runs []string
		for file, system := range files {
			if ends(ctx, file) {
				runs = append(runs, system)
			}
			_ = os.Remove(file)
		}
		return runs
	})
	go systems()
	return systems
}

// ends reports whether the kernel runs a program, and its status is 0.
func ends(ctx context.Context, file string) bool {
	return exec.CommandContext(ctx, file).Run() == nil
}
