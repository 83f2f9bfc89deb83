package test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A place is a git repository to start commands in, so that all directories in
// it share one warm proxy container, and the environment for that.
type place struct {
	engine *testEngine
	volume string
	dir    string
	env    []string
}

// newPlace makes a place with a volume of its own.
func newPlace(t *testing.T, e *testEngine, name string) *place {
	t.Helper()
	w, home := theWorld, t.TempDir()
	p := &place{engine: e, volume: w.prefix + name + "-0"}
	t.Cleanup(func() {
		if e.stopped {
			return // with all that it had
		}
		if err := e.clean(p.volume); err != nil {
			t.Error("cleaning up: ", err)
		}
	})
	image, registry := w.images[1], w.registry.open+"/"+p.volume
	err := errors.Join(makeHome(home), w.registry.push(registry+"/nixos/nix:"+image.Version, image.Version))
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), "HOME="+home, "PATH="+w.bin+":"+os.Getenv("PATH"), "LC_ALL=C",
		"DOCKER_HOST="+e.host, "DOCKER_CONFIG="+home, "NIXPROXY_NIX_VERSION="+image.Version, "NIXPROXY_REGISTRY="+registry,
		"NIXPROXY_STATE="+filepath.Join(home, "state"), "NIXPROXY_VOLUME="+p.volume)
	return p.another(t)
}

// another is a place with the same volume and a container of its own.
func (p *place) another(t *testing.T) *place {
	t.Helper()
	other := *p
	other.dir = t.TempDir()
	if output, err := exec.Command("git", "init", "-q", other.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if output, err := other.command("nixproxy", "run", "--", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return &other
}

// over is the same place where commands take one transport.
func (p *place) over(transport string) *place {
	return p.with("NIXPROXY_TRANSPORT=" + transport)
}

// with is the same place with more in its environment.
func (p *place) with(variables ...string) *place {
	other := *p
	other.env = append(append([]string{}, p.env...), variables...)
	return &other
}

// command is one of the caller's own commands.
func (p *place) command(argv ...string) *exec.Cmd {
	path, err := exec.LookPath(argv[0])
	if argv[0] == "nixproxy" {
		path, err = theWorld.binary, nil
	}
	return &exec.Cmd{Path: path, Args: argv, Dir: p.dir, Env: p.env, Err: err}
}

// transports are the ways to an agent.
var transports = []string{"port", "bridge"}
