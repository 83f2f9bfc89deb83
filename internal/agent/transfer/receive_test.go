package transfer

import (
	"bufio"
	"context"
	"io"
	"os"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/input"
	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/testvolume"
	"github.com/nixproxy/nixproxy/internal/filelock"
)

// waiter has a client wait for its turn, which another one has until release.
func waiter(t *testing.T, v layout.Volume) (client *os.File, release func(), turned <-chan error) {
	t.Helper()
	release, err := filelock.Acquire(context.Background(), v.Own("receiving"), filelock.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	in, client, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); in.Close() })
	told, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		release, err := awaitTurn(input.WhileOpen(t.Context(), in), v, out)
		if err == nil {
			release()
		}
		ended <- err
	}()
	if said, err := bufio.NewReader(told).ReadString('\n'); err != nil || said != `{"missing":null,"wait":true}`+"\n" {
		t.Fatalf("%q, %v", said, err)
	}
	return client, release, ended
}

func TestTurnComes(t *testing.T) {
	_, release, turned := waiter(t, testvolume.New(t))
	release()
	if err := <-turned; err != nil {
		t.Error(err)
	}
}

// Else it would hold what it has asked for, and the next one's turn, for a client
// that is gone.
func TestTurnIsWaitedForNoLongerThanByItsClient(t *testing.T) {
	v := testvolume.New(t)
	client, release, turned := waiter(t, v)
	if _, err := client.WriteString("unread\n"); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := <-turned; err != input.ErrGone {
		t.Error(err)
	}
	release()
	next, err := filelock.Acquire(context.Background(), v.Own("receiving"), filelock.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	next()
}
