//go:build linux && acceptance

// Package test drives the built nixproxy against a real engine with real Nix.
// Nothing here is skipped: what is missing is installed, or the run fails.
package test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/program"
)

// suite is what all tests share. TestMain makes it.
var suite *fixture.Suite

var update = flag.Bool("update", false, "write the files that scripts compare with anew")

// TestMain runs the tests, or one of the programs that scripts start.
func TestMain(m *testing.M) {
	testscript.Main(withSuite{m}, program.All)
}

// withSuite makes the suite before the tests and removes it after them. The programs that the
// scripts start are this binary too, and never come here.
type withSuite struct{ *testing.M }

func (w withSuite) Run() int {
	flag.Parse()
	harness.DefaultSignals()
	dir, err := os.MkdirTemp("", "nixproxy-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = limitParallel()
	}
	if err == nil {
		suite, err = fixture.NewSuite(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "setting up the tests:", err)
		return 1
	}
	before := fixture.Listing("/nix")
	code := w.M.Run()
	if err := errors.Join(suite.ReleaseImages(), suite.Leftovers(), fixture.SameListing("/nix", before)); err != nil {
		fmt.Fprintln(os.Stderr, "after the tests:", err)
		return 1
	}
	return code
}

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
