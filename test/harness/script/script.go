//go:build linux && acceptance

// Package script has the commands and conditions of the test scripts; test/README.md
// describes them.
package script

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/recorder"
)

// Params are the scripts of testdata, with the commands and conditions that they
// can use.
func Params(suite *fixture.Suite, e *engine.Engine, infix string) testscript.Params {
	return testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setUp(suite, env, e, infix) },
		Condition: func(name string) (bool, error) {
			condition, ok := conditions[name]
			if !ok {
				return false, fmt.Errorf("there is no condition %s", name)
			}
			return condition(e)
		},
		Cmds: maps.Clone(commands),
	}
}

// A command is what a script calls by its name, as testscript has it.
type command = func(ts *testscript.TestScript, neg bool, args []string)

var commands = map[string]command{
	"nixproxy":  nixproxyCommand,
	"status":    CommandOf((*Script).status),
	"events":    CommandOf((*Script).events),
	"record":    CommandOf((*Script).record),
	"recorded":  CommandOf((*Script).recorded),
	"publish":   CommandOf((*Script).publish),
	"container": CommandOf((*Script).container),
	"volume":    CommandOf((*Script).volume),
	"image-run": CommandOf((*Script).imageRun),
	"image":     CommandOf((*Script).image),
	"search":    CommandOf((*Script).search),
	"hold":      CommandOf((*Script).hold),
}

var conditions = map[string]func(*engine.Engine) (bool, error){"podman": (*engine.Engine).Podman}

// A Script is one script under way, with a volume and a path in the registry of
// its own.
type Script struct {
	*testscript.TestScript
	suite    *fixture.Suite
	engine   *engine.Engine
	name     string // of its volume, and the path of its images
	eventLog *engine.EventLog
	recorder *recorder.Recorder
	held     *os.File // the lock at which a copy stops
}

type scriptKey struct{}

// CommandOf makes a command of scripts from a function that fails by an error.
func CommandOf(run func(*Script, []string) error) command {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		s := ts.Value(scriptKey{}).(*Script)
		s.TestScript = ts
		err := run(s, args)
		switch {
		case neg && err == nil:
			ts.Fatalf("unexpected success")
		case !neg && err != nil:
			ts.Fatalf("%v", err)
		}
	}
}

// nixproxyCommand lets scripts write nixproxy for exec nixproxy.
func nixproxyCommand(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("nixproxy", args...)
	switch {
	case neg && err == nil:
		ts.Fatalf("unexpected success")
	case !neg && err != nil:
		ts.Fatalf("nixproxy failed: %v", err)
	}
}

// status N CMD [ARG...]: CMD ends with just this exit status.
func (s *Script) status(args []string) error {
	if len(args) < 2 {
		return errors.New("want status N CMD [ARG...]")
	}
	got := 0
	if err := s.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return err
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		return fmt.Errorf("exit status %d, not %s", got, args[0])
	}
	return nil
}
