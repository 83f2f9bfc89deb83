package inside

import (
	"io"
)

// Connect is the bridge: it carries bytes between its own streams and the
// serving agent, until either end is gone. What runs over it knows its own
// half-closes, so the end of one direction is the end of both.
func (a Agent) Connect(in io.Reader, out io.Writer) error {
	conn, err := a.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	ended := make(chan error, 2)
	go func() {
		_, err := io.Copy(conn, in)
		ended <- err
	}()
	go func() {
		_, err := io.Copy(out, conn)
		ended <- err
	}()
	<-ended
	return nil
}
