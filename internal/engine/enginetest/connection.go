package enginetest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// connected returns both ends of a connection in memory. Unlike net.Pipe it holds
// what was written until it is read, as a socket does, and can be closed in one
// direction.
func connected() (a, b *conn) {
	toA, fromB := oneWay()
	toB, fromA := oneWay()
	return &conn{in: toA, out: fromA}, &conn{in: toB, out: fromB}
}

// held is how many writes wait to be read before the next one blocks.
const held = 1 << 10

// oneWay returns the ends of one direction.
func oneWay() (read, write net.Conn) {
	from, write := net.Pipe()
	read, to := net.Pipe()
	queue, broken := make(chan []byte, held), make(chan struct{})
	go func() {
		defer close(queue)
		for {
			b := make([]byte, 32<<10)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			select {
			case queue <- b[:n]:
			case <-broken:
				return
			}
		}
	}()
	go func() {
		defer to.Close()
		for b := range queue {
			if _, err := to.Write(b); err != nil {
				from.Close() // nobody reads any more
				close(broken)
				return
			}
		}
	}()
	return read, write
}

// A conn is one end of a connection.
type conn struct{ in, out net.Conn }

func (c *conn) Read(p []byte) (int, error)         { return c.in.Read(p) }
func (c *conn) Write(p []byte) (int, error)        { return c.out.Write(p) }
func (c *conn) CloseWrite() error                  { return c.out.Close() }
func (c *conn) Close() error                       { return errors.Join(c.in.Close(), c.out.Close()) }
func (c *conn) LocalAddr() net.Addr                { return c.in.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr               { return c.in.RemoteAddr() }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.in.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.out.SetWriteDeadline(t) }
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// frames writes one of a process's streams in the engine's format.
type frames struct {
	stream byte
	mu     *sync.Mutex // shared by the process's streams
	to     io.Writer
}

func (f frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	header := binary.BigEndian.AppendUint32([]byte{f.stream, 0, 0, 0}, uint32(len(p)))
	if _, err := f.to.Write(append(header, p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
