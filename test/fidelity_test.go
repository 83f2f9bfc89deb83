//go:build linux && acceptance

package test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// A fidelityCase is a bash script of the caller's. $RUN in it stands before each
// command that is compared: it is empty, and then `nixproxy run --`. Nothing that
// can be seen may tell the two apart: the script's stdout, stderr, exit status,
// and what it leaves in its directory.
//
// Programs inside are the image's and outside the machine's, so a script keeps to
// what all shells and coreutils do alike, the words of error messages not among it.
// $BYTES is a file of 3 MB with all bytes in it, here and inside.
type fidelityCase struct{ name, script string }

// TestFaithful runs each case on this machine, over the port and over the exec.
func TestFaithful(t *testing.T) {
	t.Parallel()
	testFaithful(t, suite.NewProject(t, suite.Engine, "faithful"))
}

// TestFaithfulOnEngines is the same on each of NIXPROXY_TEST_ENGINES, which at
// last dies under its commands.
func TestFaithfulOnEngines(t *testing.T) {
	for _, kind := range engine.Kinds() {
		t.Run(kind, func(t *testing.T) {
			e := engine.Start(t, kind)
			p := suite.NewProject(t, e, "faithful-"+kind)
			testFaithful(t, p)
			testEngineEnds(t, p)
		})
	}
}

func testFaithful(t *testing.T, p *fixture.Project) {
	t.Run("streams", func(t *testing.T) { testCases(t, p) })
	t.Run("pressure", func(t *testing.T) { testBackpressure(t, p) })
	t.Run("signals", func(t *testing.T) { testSignals(t, p) })
	t.Run("ends", func(t *testing.T) { testEnds(t, p) })
}

func testCases(t *testing.T, p *fixture.Project) {
	p = p.With("BYTES=" + allBytes(t, p.Dir))
	for _, cases := range [][]fidelityCase{streamCases, argumentCases, endCases, fileCases} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { compareOutcomes(t, p, c) })
		}
	}
}

// allBytes is a file in which every byte, and most pairs of them, occur.
func allBytes(t *testing.T, dir string) string {
	random, content := rand.NewChaCha8([32]byte{}), make([]byte, 3_000_000)
	_, _ = random.Read(content)
	path := filepath.Join(dir, "bytes")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func compareOutcomes(t *testing.T, p *fixture.Project, c fidelityCase) {
	want := p.Outcome(t, "", c.script)
	for _, transport := range fixture.Transports {
		got := p.Over(transport).Outcome(t, "nixproxy run --", c.script)
		for _, difference := range got.Differences(want) {
			t.Errorf("over the %s: %s", transport, difference)
		}
	}
}
