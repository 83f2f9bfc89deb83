//go:build linux && acceptance

package test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/images"
)

// A reliabilityFixture is a machine with volumes to make copies of, so that each
// iteration begins with the same.
type reliabilityFixture struct {
	*engine.Machine
	random       *rand.Rand
	home         string
	env          []string
	image, other images.Image  // both on the machine
	one, both    string        // volumes with the store of the first, and of both
	before       []string      // what is valid in the former
	archive      string        // an export of the latter
	took         time.Duration // for a sync of the other image
	iterations   int           // until now, and some more: they take turns
}

func newReliabilityFixture(t *testing.T) *reliabilityFixture {
	f := &reliabilityFixture{
		Machine: engine.NewMachine(t, 4<<30), random: harness.NewRandom(t), home: t.TempDir(), image: suite.Images[1], other: suite.Images[2],
		one: suite.Prefix + "one-0", both: suite.Prefix + "both-0",
	}
	f.iterations = f.random.IntN(100)
	f.env = []string{"HOSTNIX_STORE=" + t.TempDir()}
	if err := fixture.MakeHome(f.home); err != nil {
		t.Fatal(err)
	}
	one := f.project(t, f.one)
	for _, i := range []images.Image{f.image, f.other} {
		f.env = append(f.env, "HOSTNIX_"+strings.ReplaceAll(i.Version, ".", "_")+"="+i.Root+":"+i.Nix)
		one.Succeed(t, "nixproxy", "image", "load", i.Archive)
	}
	one.Succeed(t, "nixproxy", "sync")
	one.Succeed(t, "nixproxy", "rm")
	var err error
	if f.before, err = f.Verify(f.reference(), f.one); err != nil {
		t.Fatal(err)
	}
	f.CopyVolume(t, f.one, f.both)
	both := f.project(t, f.both)
	begin := time.Now()
	both.Succeed(t, "nixproxy", "--nix-version", f.other.Version, "sync")
	f.took = time.Since(begin)
	f.archive = filepath.Join(f.home, "both.tar.zst")
	both.Succeed(t, "nixproxy", "volume", "export", "-o", f.archive)
	both.Succeed(t, "nixproxy", "run", "--", "true") // the first is the one used last
	both.Succeed(t, "nixproxy", "rm")
	return f
}

// reference is the first image's on the machine.
func (f *reliabilityFixture) reference() string { return "nixos/nix:" + f.image.Version }

// project makes a project that works on a volume of the fixture's.
func (f *reliabilityFixture) project(t *testing.T, volume string) *fixture.Project {
	p := &fixture.Project{Engine: f.Engine, Binary: suite.Binary, Volume: volume, Dir: t.TempDir()}
	p.Env = append(append(os.Environ(), f.env...), "HOME="+f.home, "DOCKER_CONFIG="+f.home, "DOCKER_HOST="+f.Host, "PATH="+suite.Bin+":"+os.Getenv("PATH"),
		"NIXPROXY_NIX_VERSION="+f.image.Version,
		"NIXPROXY_STATE="+filepath.Join(t.TempDir(), "state"), "NIXPROXY_VOLUME="+volume)
	return p
}
