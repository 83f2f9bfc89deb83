package session

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// streamBuffer is how many bytes are read from a connection at once, and how many may
// wait to be written to it.
const streamBuffer = 256 << 10

// A buffered connection reads and writes in large pieces. Package ssh reads four
// kilobytes at a time, and writes each packet of 32 kilobytes in two pieces. Each of
// these wakes the processes that carry it, and the other end.
type buffered struct {
	net.Conn
	reader *bufio.Reader

	mu      sync.Mutex
	changed *sync.Cond
	waiting []byte // to be written
	spare   []byte // the buffer that waiting takes turns with
	err     error  // of a write that failed; all later writes fail with it
	closed  bool
	flushed chan struct{} // closed after the last write
}

// Buffered returns the connection with buffers. A write is sent at once, together
// with those that came while the connection was busy. Close waits no longer than
// lastWrite until all was sent.
func Buffered(conn net.Conn) net.Conn {
	b := &buffered{Conn: conn, reader: bufio.NewReaderSize(conn, streamBuffer), flushed: make(chan struct{})}
	b.changed = sync.NewCond(&b.mu)
	go b.flush()
	return b
}

const lastWrite = 100 * time.Millisecond

func (b *buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }

func (b *buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.waiting) > 0 && len(b.waiting)+len(p) > streamBuffer && b.err == nil && !b.closed {
		b.changed.Wait()
	}
	switch {
	case b.err != nil:
		return 0, b.err
	case b.closed:
		return 0, net.ErrClosed
	}
	b.waiting = append(b.waiting, p...)
	b.changed.Broadcast()
	return len(p), nil
}

// flush writes what waits, until the connection is closed.
func (b *buffered) flush() {
	defer close(b.flushed)
	for {
		b.mu.Lock()
		for len(b.waiting) == 0 && !b.closed {
			b.changed.Wait()
		}
		piece := b.waiting
		b.waiting, b.spare = b.spare[:0], nil
		b.changed.Broadcast()
		b.mu.Unlock()
		if len(piece) == 0 {
			return
		}
		_, err := b.Conn.Write(piece)
		b.mu.Lock()
		b.spare, b.err = piece[:0], err
		b.changed.Broadcast()
		b.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (b *buffered) Close() error {
	b.mu.Lock()
	b.closed = true
	b.changed.Broadcast()
	b.mu.Unlock()
	select {
	case <-b.flushed:
	case <-time.After(lastWrite):
	}
	return b.Conn.Close()
}
