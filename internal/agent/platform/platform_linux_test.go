package platform

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// own and other are the machine's platform and the other one.
func own() platform   { return platforms[slices.IndexFunc(platforms, isOwn)] }
func other() platform { return platforms[1-slices.IndexFunc(platforms, isOwn)] }

func isOwn(p platform) bool { return p.arch == runtime.GOARCH }

// program writes one for a platform and returns its path.
func program(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOwnProgramRuns(t *testing.T) {
	if output, err := exec.Command(program(t, own().program())).CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("it ended with %v and said %q", err, output)
	}
	broken := own()
	broken.exit = []byte{0, 0, 0, 0}
	if err := exec.Command(program(t, broken.program())).Run(); err == nil {
		t.Error("a program of no instructions ended well: the code is not what is executed")
	}
}

// Whether the machine runs the other one is its own affair; that it is a program of that kind is not.
func TestProgramsAreWhatTheySay(t *testing.T) {
	for _, p := range platforms {
		f, err := elf.NewFile(bytes.NewReader(p.program()))
		if err != nil {
			t.Fatal(err)
		}
		load := f.Progs[0]
		code := make([]byte, len(p.exit))
		if _, err := load.ReadAt(code, int64(f.Entry-load.Vaddr)); err != nil || !bytes.Equal(code, p.exit) {
			t.Errorf("%s starts with %x, %v", p.arch, code, err)
		}
		if f.Class != elf.ELFCLASS64 || f.Type != elf.ET_EXEC || f.Machine != p.machine || load.Flags != elf.PF_R|elf.PF_X {
			t.Errorf("%s: %+v, %v", p.arch, f.FileHeader, load)
		}
	}
}

func TestPlatformsAreTried(t *testing.T) {
	runs := exec.Command(program(t, other().program())).Run() == nil
	dir := t.TempDir()
	var want []string
	if runs {
		want = []string{agentapi.System(other().arch)}
	}
	if got := Try(dir)(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "try-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestTryingIsBounded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	endless := own()
	endless.exit = map[string][]byte{"amd64": {0xeb, 0xfe}, "arm64": {0, 0, 0, 0x14}}[runtime.GOARCH] // a jump to itself
	if ends(ctx, program(t, endless.program())) {
		t.Error("it ended well")
	}
	if !ends(t.Context(), program(t, own().program())) {
		t.Error("one that ends does not")
	}
}

func TestPlatformOf(t *testing.T) {
	foreignScript := "#! " + program(t, other().program()) + " -x\nmore\n"
	for name, c := range map[string]struct {
		file, arch string
		foreign    bool
	}{
		"own":              {program(t, own().program()), own().arch, false},
		"other":            {program(t, other().program()), other().arch, true},
		"script":           {program(t, []byte(foreignScript)), other().arch, true},
		"script of one":    {program(t, []byte("#!"+program(t, []byte(foreignScript)))), other().arch, true},
		"no interpreter":   {program(t, []byte("#!/no/such\n")), "", false},
		"empty shebang":    {program(t, []byte("#!\n")), "", false},
		"text":             {program(t, bytes.Repeat([]byte("text"), 100)), "", false},
		"short":            {program(t, own().program()[:20]), "", false},
		"empty":            {program(t, nil), "", false},
		"nothing":          {"/no/such", "", false},
		"of another world": {program(t, platform{machine: elf.EM_S390}.program()), "", false},
	} {
		p, known := platformOf(c.file)
		if p.arch != c.arch || known != (c.arch != "") {
			t.Errorf("%s: %q, %v", name, p.arch, known)
		}
		if got := Emulated(c.file); got != c.foreign {
			t.Errorf("%s: foreign is %v", name, got)
		}
	}
	self := program(t, nil)
	if err := os.WriteFile(self, []byte("#!"+self+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, known := platformOf(self); known {
		t.Error("a script of itself has a platform")
	}
}

func TestNotExecuted(t *testing.T) {
	native, strange := program(t, own().program()), program(t, other().program())
	for _, c := range []struct {
		file    string
		err     error
		advises bool
	}{
		{strange, unix.ENOEXEC, true},
		{strange, &os.PathError{Op: "fork/exec", Path: strange, Err: unix.ENOENT}, true},
		{strange, unix.EACCES, false},
		{native, unix.ENOEXEC, false},
		{"/no/such", unix.ENOENT, false},
	} {
		err := NotExecuted(c.file, c.err)
		if advises := strings.Contains(hint.Text(err), "--install "+other().arch); advises != c.advises {
			t.Errorf("%v of %s: %v", c.err, c.file, err)
		}
		if !c.advises && !errors.Is(err, c.err) {
			t.Errorf("%v became %v", c.err, err)
		}
	}
}
