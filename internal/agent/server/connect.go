package server

import (
	"io"
)

// Connect carries bytes between its own streams and the serving agent until either
// end is gone. It is the transport "exec". The connection that it carries has
// half-closes of its own, so the end of one direction is the end of both.
func (a Agent) Connect(in io.Reader, out io.Writer) error {
	conn, err := a.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	ended := make(chan error, 2)
	go func() {
		_, err := copyBytes(conn, in)
		ended <- err
	}()
	go func() {
		_, err := copyBytes(out, conn)
		ended <- err
	}()
	<-ended
	return nil
}

// copyBytes copies through memory. io.Copy would have the kernel splice from the
// socket into the pipe, which took four times the processor time (80 % of a core
// instead of 20, while head wrote zeros).
func copyBytes(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 128<<10))
}
