package transfer

import (
	"os"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/check"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

const pathA = nixstore.Path("/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a")

func TestAdoptWaitsForGarbageCollection(t *testing.T) {
	v := testvolume.New(t)
	s := agentapi.Stamp{Identity: "aaaaaaaaaaaa", Nix: nixstore.Dir + "/x", Profile: nixstore.Dir + "/x"}
	unlock, err := v.LockImage(s)
	if err != nil {
		t.Fatal(err)
	}
	adopted := make(chan error)
	go func() { adopted <- adopt(v, agentapi.Request{Images: []agentapi.Stamp{s}}, 0) }()
	select {
	case err := <-adopted:
		t.Fatalf("it was adopted while garbage collection had it locked: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := v.DropImage(s.Identity); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-adopted; err != nil {
		t.Fatal(err)
	}
	graph := nixstore.Graph{nixstore.Dir + "/x": {}}
	reread := func() (nixstore.Graph, error) { return graph, nil }
	if faults, _, err := check.Faults(v, graph, reread, false); len(faults) > 0 || err != nil {
		t.Errorf("%+v, %v", faults, err)
	}
}

// Received paths are held, and no request changes a stamp that is there.
func TestAdopt(t *testing.T) {
	v := testvolume.New(t)
	own := agentapi.Stamp{Identity: "0123456789ab", Reference: "own", Nix: string(pathA), Profile: string(pathA), Synced: "then"}
	if err := v.WriteStamp(own); err != nil {
		t.Fatal(err)
	}
	others, another := own, own
	others.Reference, another.Identity, another.Reference = "other", "0123456789cd", "another"
	if err := adopt(v, agentapi.Request{Roots: []nixstore.Path{pathA}, Images: []agentapi.Stamp{others, another}}, 1); err != nil {
		t.Fatal(err)
	}
	if s, err := v.Stamp(own.Identity); err != nil || s.Reference != "own" || s.Synced != "then" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := v.Stamp(another.Identity); err != nil || s.Reference != "another" || s.Synced == "then" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, link := range []string{v.State("gcroots/nixproxy/sync", pathA.Base()), v.State("gcroots/nixproxy/images", another.Identity, "nix")} {
		if target, err := os.Readlink(link); target != string(pathA) {
			t.Errorf("%s: %s, %v", link, target, err)
		}
	}
}
