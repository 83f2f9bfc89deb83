package check

import (
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Leftovers returns the names in the store that are no valid paths and that no process
// uses, with their bytes on the disk: a kill has left them. A collector deletes them too.
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
