package check

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/testtree"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

const (
	pathA = nixstore.Path("/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a")
	pathB = nixstore.Path("/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b")
	pathC = nixstore.Path("/nix/store/cccccccccccccccccccccccccccccccc-c")
)

func TestBrokenTellsWhatIsNotAsItWas(t *testing.T) {
	v := testvolume.New(t)
	testtree.Make(t, string(v), map[string]string{"store/" + pathA.Base(): "a", "store/" + pathB.Base(): "b"})
	hash, err := nixstore.NarHash(v.Outside(string(pathA)), nixstore.Unwatched)
	if err != nil {
		t.Fatal(err)
	}
	graph := nixstore.Graph{}
	for _, path := range []nixstore.Path{pathA, pathB, pathC} {
		graph[path] = nixstore.Info{Path: path, NarHash: hash, NarSize: 120}
	}
	found, err := broken(t.Context(), v, graph, agentapi.NewTeller(&bytes.Buffer{}))
	if err != nil || len(found) != 2 || found[0].Path != pathB || found[0].Problem != "changed" || found[1].Path != pathC || found[1].Problem != "missing" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestVerifyWaitsForACollectorNoLongerThanByItsClient(t *testing.T) {
	v := testvolume.New(t)
	collected, err := filelock.Acquire(context.Background(), v.State("gc.lock"), filelock.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	defer collected()
	in, client := io.Pipe()
	verified := make(chan error, 1)
	go func() { verified <- Verify(t.Context(), v, in, io.Discard) }()
	if _, err := client.Write([]byte("false\n")); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := <-verified; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A large path was once read to its end after the client had left, while collectors waited.
func TestReadingEndsInTheMiddleOfAPath(t *testing.T) {
	v := testvolume.New(t)
	testtree.Make(t, string(v), map[string]string{"store/" + pathA.Base(): strings.Repeat("x", 8<<20)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	all := reader{ended: ctx.Err, tell: agentapi.NewTeller(ending{cancel}), total: 8 << 20}
	all.checkPath(v, nixstore.Info{Path: pathA, NarSize: 8 << 20})
	if all.done > 1<<20 || len(all.broken) > 0 {
		t.Errorf("%d bytes were read, and %+v", all.done, all.broken)
	}
	if _, err := broken(ctx, v, nixstore.Graph{pathA: {Path: pathA}}, agentapi.NewTeller(ending{cancel})); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// An ending ends a context at the first write.
type ending struct{ end func() }

func (e ending) Write(p []byte) (int, error) { e.end(); return len(p), nil }
