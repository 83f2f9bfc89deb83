// Package test drives the built nixproxy against a real engine with real Nix.
// Nothing here is skipped: what is missing is brought, or the run fails.
package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// A nixImage is a stand-in for nixos/nix:<version>, as scripts/nix-image prints it.
type nixImage struct {
	Suite, Version, Archive string
	Root                    string // the image's files
	Nix                     string // its store path of Nix
}

// A world is what all tests of one run share. It is made once and only read.
type world struct {
	binary   string // the built nixproxy
	bin      string // a directory for PATH that holds it, by the name nixproxy
	homes    string // the scripts' home directories are in it
	prefix   string // of all names on the engine, in this run
	images   []nixImage
	registry *registries
	engine   *testEngine // the machine's own
}

var theWorld *world

func TestMain(m *testing.M) {
	testscript.Main(withWorld{m}, map[string]func(){"hostnix": hostnixMain, "nosockets": nosocketsMain, "elsewhere": elsewhereMain, "webproxy": webproxyMain, "repack": repackMain})
}

// withWorld brings the world up around the tests. The programs that the scripts
// start are this binary too, and never come here.
type withWorld struct{ *testing.M }

func (w withWorld) Run() int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "nixproxy-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		theWorld, err = newWorld(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "setting up the tests:", err)
		return 1
	}
	before := listing("/nix")
	code := w.M.Run()
	if err := errors.Join(theWorld.letGo(), theWorld.leftovers(), sameListing("/nix", before)); err != nil {
		fmt.Fprintln(os.Stderr, "after the tests:", err)
		return 1
	}
	return code
}

func newWorld(dir string) (*world, error) {
	w := &world{homes: filepath.Join(dir, "homes"), prefix: fmt.Sprintf("nixproxy-test-%d-", os.Getpid())}
	err := errors.Join(limitParallel(), w.findBinary(dir), ensureProgram("strace", "strace"))
	if err != nil {
		return nil, err
	}
	if w.engine, err = openEngine(""); err != nil {
		return nil, err
	}
	if w.images, err = nixImages(runtime.GOARCH, "bookworm", "trixie", "newest"); err != nil {
		return nil, err
	}
	if w.registry, err = startRegistries(w.images); err != nil {
		return nil, err
	}
	return w, w.hold()
}

// held is the path of images that no test uses.
func (w *world) held() string { return w.prefix + "held-0" }

// hold has the engine keep the test images' layers for the whole run: it would
// unpack and delete them again and again, as scripts begin and end.
func (w *world) hold() error {
	for _, i := range w.images {
		ref := w.registry.open + "/" + w.held() + "/nixos/nix:" + i.Version
		if err := errors.Join(w.registry.push(ref, i.Version), w.engine.pull(ref)); err != nil {
			return errors.Join(err, w.letGo())
		}
	}
	return nil
}

func (w *world) letGo() error { return w.engine.clean(w.held()) }

// limitParallel runs four scripts at once where nobody said otherwise: they
// wait for the engine more than they compute.
func limitParallel() error {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", "4")
}

func (w *world) findBinary(dir string) error {
	w.binary = os.Getenv("NIXPROXY_BIN")
	if w.binary == "" {
		w.binary = "../bin/nixproxy"
	}
	var err error
	if w.binary, err = filepath.Abs(w.binary); err != nil {
		return err
	}
	if _, err := os.Stat(w.binary); err != nil {
		return fmt.Errorf("there is no %s: run make build first", w.binary)
	}
	w.bin = filepath.Join(dir, "bin")
	if err := os.Mkdir(w.bin, 0o755); err != nil {
		return err
	}
	return os.Symlink(w.binary, filepath.Join(w.bin, "nixproxy"))
}

// ensureProgram installs a package if what it brings is missing.
func ensureProgram(name, pkg string) error {
	if _, err := exec.LookPath(name); err == nil {
		return nil
	}
	install := exec.Command("apt-get", "install", "-y", "--no-install-recommends", pkg)
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("installing %s: %w\n%s", pkg, err, output)
	}
	return nil
}

// nixImages builds test images for an architecture, or finds them in the builder's cache.
func nixImages(arch string, suites ...string) ([]nixImage, error) {
	build := exec.Command("go", append([]string{"run", "../scripts/nix-image", "--arch", arch}, suites...)...)
	build.Stderr = os.Stderr
	output, err := build.Output()
	if err != nil {
		return nil, fmt.Errorf("building the test images: %w", err)
	}
	var images []nixImage
	for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
		var i nixImage
		if err := decoder.Decode(&i); err != nil {
			return nil, fmt.Errorf("reading the list of test images: %w", err)
		}
		images = append(images, i)
	}
	if len(images) != len(suites) {
		return nil, fmt.Errorf("%d test images, not %d", len(images), len(suites))
	}
	return images, nil
}
