package server

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// bufferSize is how many bytes are copied at once, and pipeSize how many a pipe holds.
// They are large because each turn wakes two or three processes.
const (
	bufferSize = 256 << 10
	pipeSize   = 1 << 20
)

// An output is the agent's end of a command's stdout or stderr.
type output struct {
	file     *os.File
	terminal bool
}

// outputPipe returns an output and the command's end of it.
func outputPipe() (*output, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	widen(r)
	return &output{file: r}, w, nil
}

// close makes the command's next write fail with SIGPIPE.
func (o *output) close() { o.file.Close() }

// wake makes copyTo check whether the command has ended.
func (o *output) wake() { _ = o.file.SetReadDeadline(time.Now()) }

// copyTo copies the output until its end. When the command has ended it copies what
// there is and returns: a process in the background may hold the pipe open for days. It
// can go on writing, and what it writes is discarded.
func (o *output) copyTo(to io.Writer, ended <-chan struct{}) {
	buffer := make([]byte, bufferSize)
	for {
		n, err := o.file.Read(buffer)
		if n > 0 {
			if _, gone := to.Write(buffer[:n]); gone != nil {
				break
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			<-ended
			o.sendRest(to, buffer)
			break
		}
		if err != nil { // EIO of a terminal that no process has open any more
			o.file.Close()
			return
		}
	}
	_ = o.file.SetReadDeadline(time.Time{})
	go func() {
		_, _ = io.Copy(io.Discard, o.file)
		o.file.Close()
	}()
}

// sendRest sends what the output holds at this moment.
func (o *output) sendRest(to io.Writer, buffer []byte) {
	if o.terminal {
		o.sendUntilQuiet(to, buffer)
		return
	}
	// os.File does not read after its deadline, so this reads by system call.
	raw, err := o.file.SyscallConn()
	if err != nil {
		return
	}
	for left := pending(raw); left > 0; {
		n := 0
		_ = raw.Control(func(fd uintptr) { n, _ = unix.Read(int(fd), buffer[:min(left, len(buffer))]) })
		if n <= 0 {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		left -= n
	}
}

// Bytes that are written to a terminal arrive at its other side a moment later (the
// kernel's tty buffers), and nothing counts those on their way. If only the command had
// the terminal open, the terminal ends; else it is read until nothing comes for a while.
const (
	quiet      = 20 * time.Millisecond
	longEnough = 200 * time.Millisecond // where a background process never stops writing
)

func (o *output) sendUntilQuiet(to io.Writer, buffer []byte) {
	for begin := time.Now(); time.Since(begin) < longEnough; {
		_ = o.file.SetReadDeadline(time.Now().Add(quiet))
		n, err := o.file.Read(buffer)
		if n > 0 {
			if _, gone := to.Write(buffer[:n]); gone != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
