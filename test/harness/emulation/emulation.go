//go:build linux && acceptance

// Package emulation has this machine run programs of another architecture, or not.
package emulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/images"
	"github.com/nixproxy/nixproxy/test/harness/registry"
	"github.com/nixproxy/nixproxy/test/harness/script"
)

// uname is the name by which a machine calls itself.
var uname = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// An Architecture is one that is not the machine's own.
type Architecture struct {
	goarch, uname string
	machine       byte // in the header of its programs
}

// Other is the architecture that this machine has not: amd64 or arm64.
func Other() Architecture {
	if runtime.GOARCH == "arm64" {
		return Architecture{"amd64", uname["amd64"], 0x3e}
	}
	return Architecture{"arm64", uname["arm64"], 0xb7}
}

// qemu is the program that runs its programs.
func (a Architecture) qemu() string { return "qemu-" + a.uname + "-static" }

// An Emulation is what it takes to have the machine run programs of another
// architecture.
type Emulation struct {
	suite  *fixture.Suite
	other  Architecture
	binfmt *binfmt
	nix    images.Image // for the other architecture
	image  v1.Image     // the same
}

// New takes the interpreter of the other architecture's programs out of use, until
// a script says `emulate on`, and makes the test image for it.
func New(t *testing.T, suite *fixture.Suite, other Architecture) *Emulation {
	t.Helper()
	if err := images.EnsureProgram(other.qemu(), "qemu-user-static"); err != nil {
		t.Fatal(err)
	}
	images, err := images.Build(other.goarch, "trixie")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := registry.ReadArchive(images[0].Archive)
	if err != nil {
		t.Fatal(err)
	}
	return &Emulation{suite, other, openBinfmt(t, suite.Prefix+other.goarch, other.machine), images[0], archive}
}

// Command is the command that these scripts have more.
const Command = "emulate"

// Variables are the variables that these scripts have more.
func Variables() []string { return slices.Collect(maps.Keys((&Emulation{}).variables(""))) }

// variables are those for a host whose other architecture's bash is at a path.
func (m *Emulation) variables(bash string) map[string]string {
	return map[string]string{
		"OTHER": m.other.goarch, "OTHER_UNAME": m.other.uname, "OTHER_BASH": bash, "UNAME": uname[runtime.GOARCH],
	}
}

// Params are like the others, with one more command, and with an image for
// either architecture by one reference, as the real ones are.
func (m *Emulation) Params(e *engine.Engine, infix string) testscript.Params {
	params := script.Params(m.suite, e, infix)
	params.Dir = "testdata/emulation"
	params.Cmds[Command] = script.CommandOf(func(_ *script.Script, args []string) error { return m.emulate(args) })
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		env.Defer(func() { m.remove(e) }) // after all that the script itself leaves
		return errors.Join(setup(env), m.setup(env))
	}
	return params
}

// remove removes the other architecture's image, which no reference names any
// more once the same one was pulled for this machine's.
func (m *Emulation) remove(e *engine.Engine) {
	if id, err := m.image.ConfigName(); err == nil {
		_, _ = e.ImageRemove(context.Background(), id.String(), image.RemoveOptions{}) // some engines have removed it, or call it otherwise
	}
}

func (m *Emulation) setup(env *testscript.Env) error {
	static, err := filepath.Glob(m.nix.Root + "/nix/store/*/bin/bash-static")
	if err != nil || len(static) != 1 {
		return fmt.Errorf("%d static programs for %s in the test image: %w", len(static), m.other.goarch, err)
	}
	for name, value := range m.variables(static[0]) {
		env.Setenv(name, value)
	}
	return registry.PushIndex(env.Getenv("NIXPROXY_REGISTRY")+"/nixos/nix:"+m.nix.Version,
		map[string]v1.Image{runtime.GOARCH: m.suite.Registry.Images[m.nix.Version], m.other.goarch: m.image})
}

// emulate on, emulate off: the kernel runs the other architecture's programs by
// qemu, or does not.
func (m *Emulation) emulate(args []string) error {
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
