package test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

// uname is the name by which a machine calls itself.
var uname = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// An architecture is one that is not the machine's own.
type architecture struct {
	goarch, uname string
	machine       byte // in the header of its programs
}

func otherArchitecture() architecture {
	if runtime.GOARCH == "arm64" {
		return architecture{"amd64", uname["amd64"], 0x3e}
	}
	return architecture{"arm64", uname["arm64"], 0xb7}
}

// qemu is the program that runs its programs.
func (a architecture) qemu() string { return "qemu-" + a.uname + "-static" }

// TestEmulation runs testdata/emulation/*.txtar, on the same engines as the
// others and with nothing else meanwhile: what the kernel runs concerns the whole
// machine.
func TestEmulation(t *testing.T) {
	m := newEmulation(t, otherArchitecture())
	t.Run("own", func(t *testing.T) { testscript.Run(t, m.scripts(theWorld.engine, "")) })
	for _, kind := range testEngines() {
		t.Run(kind, func(t *testing.T) { testscript.Run(t, m.scripts(startEngine(t, kind), kind+"-")) })
	}
}

// An emulation is what it takes to have the machine run programs of another
// architecture.
type emulation struct {
	other  architecture
	binfmt *binfmt
	nix    nixImage // for the other architecture
	image  v1.Image // the same
}

func newEmulation(t *testing.T, other architecture) *emulation {
	t.Helper()
	if err := ensureProgram(other.qemu(), "qemu-user-static"); err != nil {
		t.Fatal(err)
	}
	images, err := nixImages(other.goarch, "trixie")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := compressed(images[0].Archive)
	if err != nil {
		t.Fatal(err)
	}
	return &emulation{other, openBinfmt(t, theWorld.prefix+other.goarch, other.machine), images[0], archive}
}

// scripts are like the others, with one more command, and with an image for
// either architecture by one reference, as the real ones are.
func (m *emulation) scripts(e *testEngine, infix string) testscript.Params {
	params := scripts(e, infix)
	params.Dir = "testdata/emulation"
	params.Cmds["emulate"] = commandOf(func(_ *script, args []string) error { return m.emulate(args) })
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		env.Defer(func() { m.remove(e) }) // after all that the script itself leaves
		return errors.Join(setup(env), m.setup(env))
	}
	return params
}

// remove removes the other architecture's image, which no reference names any
// more once the same one was pulled for this machine's.
func (m *emulation) remove(e *testEngine) {
	if id, err := m.image.ConfigName(); err == nil {
		_, _ = e.ImageRemove(context.Background(), id.String(), image.RemoveOptions{}) // some engines have removed it, or call it otherwise
	}
}

func (m *emulation) setup(env *testscript.Env) error {
	static, err := filepath.Glob(m.nix.Root + "/nix/store/*/bin/bash-static")
	if err != nil || len(static) != 1 {
		return fmt.Errorf("%d static programs for %s in the test image: %w", len(static), m.other.goarch, err)
	}
	env.Setenv("OTHER", m.other.goarch)
	env.Setenv("OTHER_UNAME", m.other.uname)
	env.Setenv("OTHER_BASH", static[0])
	env.Setenv("UNAME", uname[runtime.GOARCH])
	return pushIndex(env.Getenv("NIXPROXY_REGISTRY")+"/nixos/nix:"+m.nix.Version,
		map[string]v1.Image{runtime.GOARCH: theWorld.registry.images[m.nix.Version], m.other.goarch: m.image})
}

// emulate on, emulate off: the kernel runs the other architecture's programs by
// qemu, or does not.
func (m *emulation) emulate(args []string) error {
	switch strings.Join(args, " ") {
	case "on":
		qemu, err := exec.LookPath(m.other.qemu())
		if err != nil {
			return err
		}
		return m.binfmt.register(qemu)
	case "off":
		return m.binfmt.unregister()
	}
	return errors.New("want emulate on|off")
}
