package server

import (
	"runtime"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// platformLines returns configuration that lets Nix build for every platform whose
// programs the kernel runs, in addition to those that Nix knows by itself, such as
// i686-linux. The agent's own platform is listed too: the image may be for another.
func (a Agent) platformLines() []string {
	if a.emulated == nil {
		return nil
	}
	systems := a.emulated()
	if len(systems) == 0 {
		return nil
	}
	systems = append([]string{agentapi.System(runtime.GOARCH)}, systems...)
	return []string{"extra-extra-platforms = " + strings.Join(systems, " ")}
}
