package inside

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// streams are the agent's ends of a command's pipes, and the command's ends
// until it has been started.
type streams struct {
	in       *os.File
	out, err *os.File
	theirs   []*os.File
}

func connect(command *exec.Cmd) (*streams, error) {
	s := &streams{}
	for _, way := range []struct {
		ours   **os.File
		theirs func(*os.File)
		write  bool
	}{
		{&s.in, func(f *os.File) { command.Stdin = f }, true},
		{&s.out, func(f *os.File) { command.Stdout = f }, false},
		{&s.err, func(f *os.File) { command.Stderr = f }, false},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			s.closeTheirs()
			s.closeOurs()
			return nil, err
		}
		if way.write {
			r, w = w, r
		}
		*way.ours = r
		way.theirs(w)
		s.theirs = append(s.theirs, w)
	}
	return s, nil
}

func (s *streams) closeTheirs() {
	for _, f := range s.theirs {
		f.Close()
	}
}

func (s *streams) closeOurs() {
	for _, f := range []*os.File{s.in, s.out, s.err} {
		if f != nil {
			f.Close()
		}
	}
}

// feed gives the command its stdin, and then its end.
func (s *streams) feed(from io.Reader) {
	_, _ = io.Copy(s.in, from) // a command that stops reading is not an error
	s.in.Close()
}

// wakeReaders makes pipe look whether the command has ended.
func (s *streams) wakeReaders() {
	_ = s.out.SetReadDeadline(time.Now())
	_ = s.err.SetReadDeadline(time.Now())
}

// pipe sends a command's output. When the command has ended it sends what is
// still in the pipe and returns: a process in the background may hold the pipe
// open for days, and goes on writing, to nobody.
func pipe(to io.Writer, from *os.File, ended <-chan struct{}) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if _, gone := to.Write(buffer[:n]); gone != nil {
			break
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			<-ended
			sendRest(to, from, buffer)
			break
		}
		if err != nil {
			from.Close()
			return
		}
	}
	_ = from.SetReadDeadline(time.Time{})
	go func() {
		_, _ = io.Copy(io.Discard, from)
		from.Close()
	}()
}

// sendRest sends what a pipe holds at this moment: a process in the background
// may go on to fill it. os.File would not read after its deadline, so the kernel
// is asked directly.
func sendRest(to io.Writer, from *os.File, buffer []byte) {
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	left := 0
	_ = raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	for n := 1; n > 0 && left > 0; left -= n {
		_ = raw.Control(func(fd uintptr) { n, _ = unix.Read(int(fd), buffer[:min(left, len(buffer))]) })
		if n <= 0 {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
