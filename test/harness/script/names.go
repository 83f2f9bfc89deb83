//go:build linux && acceptance

package script

import (
	"maps"
	"slices"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// Commands are the names of the commands that all scripts have, besides testscript's own.
func Commands() []string { return slices.Collect(maps.Keys(commands)) }

// Conditions are the names of the conditions, besides testscript's own.
func Conditions() []string { return slices.Collect(maps.Keys(conditions)) }

// Variables are the names of the variables that a script of this suite begins with,
// besides testscript's own.
func Variables(suite *fixture.Suite) []string {
	s := &Script{suite: suite, engine: &engine.Engine{}}
	return slices.Collect(maps.Keys(s.variables("", "")))
}
