package input

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// silence bounds how long a client may send nothing.
const silence = 2 * time.Minute

// WithTimeout returns a reader of a pipe that fails when nothing has come for two minutes.
// An engine may leave a job's stdin open after the client is gone, and the job would hold
// its locks for ever.
func WithTimeout(in *os.File) io.Reader {
	fd, err := unix.Dup(int(in.Fd())) // Go's runtime polls no file that it was given as blocking
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return in
	}
	return timeoutReader{os.NewFile(uintptr(fd), in.Name()), silence}
}

type timeoutReader struct {
	*os.File
	silence time.Duration
}

func (r timeoutReader) Read(b []byte) (int, error) {
	_ = r.SetReadDeadline(time.Now().Add(r.silence)) // a file that is no pipe has no deadline
	n, err := r.File.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("nothing came for %v", r.silence)
	}
	return n, err
}
