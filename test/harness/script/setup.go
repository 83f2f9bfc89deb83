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
	home := filepath.Join(suite.Homes, s.name) // the project must not be above it
	if err := fixture.MakeHome(home); err != nil {
		return err
	}
	for i, variable := range []string{"OLD", "MID", "NEW"} {
		image := suite.Images[i]
		if err := suite.Registry.Push(suite.Registry.Open+"/"+s.name+"/nixos/nix:"+image.Version, image.Version); err != nil {
			return err
		}
		env.Setenv(variable, image.Version)
		env.Setenv("HOSTNIX_"+strings.ReplaceAll(image.Version, ".", "_"), image.Root+":"+image.Nix)
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_RUNTIME_DIR": "", "NAME": s.name, "ARCH": runtime.GOARCH,
		"PATH":        suite.Bin + ":" + env.Getenv("PATH"),
		"DOCKER_HOST": e.Host, "DOCKER_CONFIG": filepath.Join(home, ".docker"),
		"OPEN": suite.Registry.Open, "CLOSED": suite.Registry.Closed, "BROKEN": suite.Registry.Broken,
		"NIXPROXY_REGISTRY":    suite.Registry.Open + "/" + s.name,
		"NIXPROXY_VOLUME":      s.name,
		"NIXPROXY_STATE":       filepath.Join(env.WorkDir, "state"),
		"NIXPROXY_NIX_VERSION": suite.Images[1].Version, // until hostnix says another
	} {
		env.Setenv(name, value)
	}
	return nil
}

// awaitEvents waits until the engine tells this script of what it does.
func (s *Script) awaitEvents() error {
	_, err := s.engine.CaughtUp(s.eventLog, s.name+"-events")
	s.eventLog.Forget()
	return err
}
