package session

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// The clock stands still meanwhile: what waits at the end is sent for a moment only.
func TestBufferedKeepsWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		conn := Buffered(ours)
		var want bytes.Buffer
		received := make(chan []byte, 1)
		go func() {
			all, _ := io.ReadAll(theirs)
			received <- all
		}()
		for i := range 3000 {
			piece := bytes.Repeat([]byte{byte(i)}, i%700)
			want.Write(piece)
			if n, err := conn.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		conn.Close() // which sends the rest
		if got := <-received; !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%d bytes of %d came, or others", len(got), want.Len())
		}
		if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write after the end: %v", err)
		}
	})
}

// What nobody reads is neither collected without end, nor waited for at the end.
func TestBufferedWaitsForItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		conn := Buffered(ours)
		written := make(chan int, 1)
		go func() {
			n := 0
			for {
				if _, err := conn.Write(make([]byte, 32<<10)); err != nil {
					written <- n
					return
				}
				n += 32 << 10
			}
		}()
		synctest.Wait()
		begin := time.Now()
		conn.Close()
		if took := time.Since(begin); took != lastWrite {
			t.Errorf("closing took %v", took)
		}
		if n := <-written; n > 3*streamBuffer {
			t.Errorf("%d bytes were taken that nobody reads", n)
		}
	})
}

func TestBufferedTellsOfAFailedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		theirs.Close()
		conn := Buffered(ours)
		defer conn.Close()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Errorf("before it was tried: %v", err)
		}
		synctest.Wait()
		if _, err := conn.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("after it has failed: %v", err)
		}
	})
}
