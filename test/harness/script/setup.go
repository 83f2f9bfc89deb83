//go:build linux && acceptance

package script

import (
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixproxy/nixproxy/test/harness/engine"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// setUp gives a script its environment and publishes the test images for it.
func setUp(suite *fixture.Suite, env *testscript.Env, e *engine.Engine, infix string) error {
	// The working directory is named for the script: script-NAME.
	s := &Script{suite: suite, engine: e, name: suite.Prefix + infix + strings.TrimPrefix(filepath.Base(env.WorkDir), "script-") + "-0"} // no name begins another
	env.Values[scriptKey{}] = s
	env.Defer(func() {
		s.eventLog.Close()
		if s.recorder != nil {
			s.recorder.Listener.Close()
		}
		s.held.Close() // of none it is an error
		if err := e.Clean(s.name); err != nil {
			env.T().Log("cleaning up: ", err)
			env.T().FailNow()
		}
	})
	s.eventLog = e.Follow()
	if err := s.awaitEvents(); err != nil {
		return err
	}
	if err := fixture.MakeHome(s.home()); err != nil {
		return err
	}
	for _, image := range suite.Images {
		if err := suite.Registry.Push(suite.Registry.Open+"/"+s.name+"/nixos/nix:"+image.Version, image.Version); err != nil {
			return err
		}
	}
	variables := s.variables(env.WorkDir, env.Getenv("PATH"))
	for name, value := range variables {
		env.Setenv(name, value)
	}
	return nil
}

// home is in a directory of its own: the project must not be above it.
func (s *Script) home() string { return filepath.Join(s.suite.Homes, s.name) }

// variables are those that a script in a directory begins with, besides testscript's
// own. Its PATH is added to.
func (s *Script) variables(dir, path string) map[string]string {
	registry := s.suite.Registry
	variables := map[string]string{
		"HOME": s.home(), "XDG_RUNTIME_DIR": "", "NAME": s.name, "ARCH": runtime.GOARCH,
		"DOCKER_HOST": s.engine.Host, "DOCKER_CONFIG": filepath.Join(s.home(), ".docker"),
		"OPEN": registry.Open, "CLOSED": registry.Closed, "BROKEN": registry.Broken,
		"NIXPROXY_REGISTRY":    registry.Open + "/" + s.name,
		"NIXPROXY_VOLUME":      s.name,
		"NIXPROXY_STATE":       filepath.Join(dir, "state"),
		"PATH":                 s.suite.Bin + ":" + path,
		"NIXPROXY_NIX_VERSION": s.suite.Images[1].Version, // until hostnix says another
	}
	for i, name := range []string{"OLD", "MID", "NEW"} {
		image := s.suite.Images[i]
		variables[name] = image.Version
		variables["HOSTNIX_"+strings.ReplaceAll(image.Version, ".", "_")] = image.Root + ":" + image.Nix
	}
	return variables
}

// awaitEvents waits until the engine tells this script of what it does.
func (s *Script) awaitEvents() error {
	_, err := s.engine.CaughtUp(s.eventLog, s.name+"-events")
	s.eventLog.Forget()
	return err
}
