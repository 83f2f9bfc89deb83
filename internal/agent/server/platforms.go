package server

import (
	"runtime"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// platformLines let Nix build for every platform whose programs the kernel runs.
// They add to what this Nix takes by itself, such as i686-linux. The agent's own
// is said too, as the image and its Nix may be the other's.
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
