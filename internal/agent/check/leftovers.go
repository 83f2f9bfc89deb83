package check

import (
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Leftovers are the names in the store that are no valid paths and that no
// process works on, with what they take on the disk: what a kill has left. A
// collector takes them too.
func Leftovers(v layout.Volume, graph nixstore.Graph, roots []agentapi.Root) map[nixstore.Path]int64 {
	found := map[nixstore.Path]int64{}
	for _, path := range unregistered(v, graph) {
		found[path] = 0
	}
	for _, r := range roots {
		if r.Origin == agentapi.OriginRunning {
			delete(found, r.Path)
		}
	}
	for path := range found {
		found[path] = usage(v.Outside(string(path)))
	}
	return found
}
