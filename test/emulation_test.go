//go:build linux && acceptance

package test

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixproxy/nixproxy/test/harness/emulation"
	"github.com/nixproxy/nixproxy/test/harness/engine"
)

// TestEmulation runs testdata/emulation/*.txtar, on the same engines as the
// others and with nothing else meanwhile: what the kernel runs concerns the whole
// machine.
func TestEmulation(t *testing.T) {
	m := emulation.New(t, suite, emulation.Other())
	run := func(t *testing.T, e *engine.Engine, infix string) {
		params := m.Params(e, infix)
		params.UpdateScripts = *update
		testscript.Run(t, params)
	}
	t.Run("own", func(t *testing.T) { run(t, suite.Engine, "") })
	for _, kind := range engine.Kinds() {
		t.Run(kind, func(t *testing.T) { run(t, engine.Start(t, kind), kind+"-") })
	}
}
