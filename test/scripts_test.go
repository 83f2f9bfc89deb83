//go:build linux && acceptance

package test

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/script"
)

// TestScripts runs testdata/*.txtar on the machine's own engine.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, suite.Engine, "")
}

// TestEngines runs them on each of the engines in NIXPROXY_TEST_ENGINES, which
// are brought up for it and ended after it.
func TestEngines(t *testing.T) {
	for _, kind := range engine.Kinds() {
		t.Run(kind, func(t *testing.T) { runScripts(t, engine.Start(t, kind), kind+"-") })
	}
}

func runScripts(t *testing.T, e *engine.Engine, infix string) {
	t.Helper()
	params := script.Params(suite, e, infix)
	params.UpdateScripts = *update
	testscript.Run(t, params)
}
