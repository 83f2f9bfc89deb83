package jobs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
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
		release, err := turn(whileOpen(t.Context(), in), v, out)
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
	_, release, turned := waiter(t, newVolume(t))
	release()
	if err := <-turned; err != nil {
		t.Error(err)
	}
}

// Else it would hold what it has asked for, and the next one's turn, for a client
// that is gone.
func TestTurnIsWaitedForNoLongerThanByItsClient(t *testing.T) {
	v := newVolume(t)
	client, release, turned := waiter(t, v)
	if _, err := client.WriteString("unread\n"); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := <-turned; err != errGone {
		t.Error(err)
	}
	release()
	next, err := filelock.Acquire(context.Background(), v.Own("receiving"), filelock.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	next()
}

func TestReadLineWaitsForOneWithAWord(t *testing.T) {
	lines := bufio.NewReader(strings.NewReader("\n\n\"a\"\n\n\"b"))
	var word string
	if err := readLine(lines, &word); err != nil || word != "a" {
		t.Errorf("%q, %v", word, err)
	}
	if err := readLine(lines, &word); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a line: %q, %v", word, err)
	}
}
