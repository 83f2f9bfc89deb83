package jobs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// silence is how long a client that is there may send nothing.
const silence = 2 * time.Minute

// patiently reads from a pipe until nothing has come for a while: an engine may
// leave the stdin of what it executes open after the client is gone, and whoever
// reads then would hold its locks for ever.
func patiently(in *os.File) io.Reader {
	fd, err := unix.Dup(int(in.Fd())) // of which Go's runtime knows nothing yet
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return in
	}
	return patient{os.NewFile(uintptr(fd), in.Name()), silence}
}

type patient struct {
	*os.File
	silence time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(p.silence)) // what is no pipe has none
	n, err := p.File.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("nothing came for %v", p.silence)
	}
	return n, err
}
