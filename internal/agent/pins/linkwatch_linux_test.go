package pins

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

func TestWatchPinsAtOnce(t *testing.T) {
	p := newPinned(t)
	result := filepath.Join(p.project, "result")
	agent := p.agent()
	if err := agent.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer agent.mu.Lock() // never unlocked: nothing must be written to a directory that is being removed
	if err := agent.Begin("h"); err != nil {
		t.Fatal(err)
	}
	p.build(result, storeA)
	p.await("built", storeA)
	if err := layout.ReplaceLink(storeB, result); err != nil {
		t.Fatal(err)
	}
	p.await("moved", storeB)
	p.remove(result)
	p.await("removed")
	p.remove(p.project)
	p.mkdir(p.project)
	p.build(result, storeA)
	p.await("in a new directory", storeA)
	p.remove(result)
	p.await("removed there")

	// Without a session pins are made, and none is dropped.
	if err := agent.End("h"); err != nil {
		t.Fatal(err)
	}
	p.build(result, storeA)
	p.await("built in the background", storeA)
	p.remove(result)
	p.build(filepath.Join(p.project, "next"), storeB)
	for deadline := time.Now().Add(10 * time.Second); !p.held(storeB) && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	p.want("removed in the background", "h", storeA, storeB)
	p.runSession(agent, "h")
	p.want("looked at", "h", storeB)
}

func (p *pinned) held(storePath string) bool {
	found, _ := filepath.Glob(filepath.Join(p.volume.ProjectRoots("h"), "*"))
	return slices.ContainsFunc(found, func(pin string) bool {
		target, _ := os.Readlink(pin)
		return target == storePath
	})
}

// await waits until host h has only this pin, or none.
func (p *pinned) await(when string, targets ...string) {
	p.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		found, _ := filepath.Glob(filepath.Join(p.volume.ProjectRoots("h"), "*"))
		if len(found) == 0 && len(targets) == 0 {
			return
		}
		if len(found) == 1 && len(targets) == 1 {
			if target, _ := os.Readlink(found[0]); target == targets[0] {
				return
			}
		}
	}
	p.want(when, "h", targets...)
}
