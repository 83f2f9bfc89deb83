// Package agentbintest has agents for tests, which need none that were built.
package agentbintest

import (
	"crypto/sha256"
	"fmt"
	"testing/fstest"

	"github.com/nixproxy/nixproxy/internal/agentbin"
)

// Agents returns small programs in place of the agents, one for each architecture.
func Agents() agentbin.Agents {
	files, sums := fstest.MapFS{}, ""
	for _, arch := range []string{"amd64", "arm64"} {
		name, program := "nixproxy-agent-linux-"+arch, []byte("the agent for "+arch)
		files["bin/"+name] = &fstest.MapFile{Data: program, Mode: 0o755}
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(program), name)
	}
	files["bin/sha256sums"] = &fstest.MapFile{Data: []byte(sums)}
	return agentbin.In(files)
}
