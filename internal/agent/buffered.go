package agent

import (
	"bufio"
	"net"
)

// buffered reads in large pieces: package ssh takes four kilobytes at a time.
type buffered struct {
	net.Conn
	reader *bufio.Reader
}

// Buffered returns the connection with a buffer for what is read from it.
func Buffered(conn net.Conn) net.Conn {
	return buffered{conn, bufio.NewReaderSize(conn, 256<<10)}
}

func (b buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }
