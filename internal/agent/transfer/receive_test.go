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

// waiter makes a client wait for its turn, which another client has until release.
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
	replies, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		release, err := awaitTurn(input.WhileOpen(t.Context(), in), v, out)
		if err == nil {
			release()
		}
		ended <- err
	}()
	if reply, err := bufio.NewReader(replies).ReadString('\n'); err != nil || reply != `{"missing":null,"wait":true}`+"\n" {
		t.Fatalf("%q, %v", reply, err)
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

// A client that is gone must not keep its request's paths, or the next client's turn.
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
