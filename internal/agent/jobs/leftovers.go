package jobs

import (
	"os"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// leftovers are the names in the store that are no valid paths and that no
// process works on, with what they take on the disk: what a kill has left. A
// collector takes them too.
func leftovers(v layout.Volume, graph nixstore.Graph, roots []agentapi.Root) map[nixstore.Path]int64 {
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

// gone are those of them that are not there any more, or would not be.
func (c *collection) gone(left map[nixstore.Path]int64) (paths int, size int64) {
	all := c.plan.DryRun && c.plan.MaxSize == 0
	for path, bytes := range left {
		if _, err := os.Lstat(c.Outside(string(path))); all || err != nil {
			paths, size = paths+1, size+bytes
		}
	}
	return paths, size
}
