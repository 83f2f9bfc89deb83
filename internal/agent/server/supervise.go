package server

import (
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/platform"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// A task is the command that a supervisor is to start.
type task struct {
	Path     string
	Args     []string
	Dir      string
	Env      []string
	Umask    int
	Terminal bool // its stdin is to be the controlling terminal
}

// file returns the path of the command. Path may be relative to Dir.
func (t task) file() string {
	if filepath.IsAbs(t.Path) {
		return t.Path
	}
	return filepath.Join(t.Dir, t.Path)
}

// An order is what the agent sends to a supervisor after the task: to pass on a signal, or to
// let the background processes of an ended command live on.
type order struct {
	Signal unix.Signal
	LetGo  bool
}

// A report is what a supervisor sends to the agent.
type report struct {
	Failure string // why the command could not be started, as hint.Text
	Stopped bool
	Exited  bool
	Status  unix.WaitStatus
}

const (
	supervisorSocket = 3 // the file descriptor of the socket to the agent
	// hangupGrace is how long a tree whose client is gone has between SIGHUP and SIGKILL.
	hangupGrace = 700 * time.Millisecond
)

// Supervise is the process between an agent and one session's command. All that the
// command starts stays below it: the kernel gives it the orphans, as it is a child
// subreaper. So the whole tree can be ended, with what called setsid and with Nix's
// builders. It leads the session, so that the command is one job of a terminal as it
// would be at home, and its end does not hang up the terminal.
//
// It ends when its tree has ended. It ends the tree when the agent closes the socket,
// or is gone, without having let go of the tree: then the client is lost, and that may
// have ended the command itself, by SIGPIPE or by the end of its stdin.
func Supervise() error {
	if err := becomeSubreaper(); err != nil {
		return fmt.Errorf("becoming a subreaper: %w", err)
	}
	// A session's leader gets SIGHUP when its terminal ends. It is caught and not
	// ignored, as the command would inherit that.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	s, err := newSupervision(supervisorSocket)
	if err != nil {
		return err
	}
	t, files, err := s.receive()
	if err != nil {
		return nil // the agent has ended, and needs no supervisor
	}
	pid, err := execute(t, files)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		return s.encoder.Encode(report{Failure: hint.Text(platform.NotExecuted(t.file(), err))})
	}
	_ = s.encoder.Encode(report{}) // obey notices an agent that is gone
	go s.obey(pid)
	s.reap(pid)
	return nil
}

// A supervision is the state of a supervisor's process.
type supervision struct {
	conn    *net.UnixConn
	decoder *gob.Decoder
	encoder *gob.Encoder

	mu    sync.Mutex // held to signal the command, as its process number is free once it was reaped
	ended bool       // the command has ended; its children may still run
}

func newSupervision(fd uintptr) (*supervision, error) {
	f := os.NewFile(fd, "agent")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("the supervisor's socket is not a unix socket")
	}
	return &supervision{conn: socket, encoder: gob.NewEncoder(socket)}, nil
}

// receive receives the command's three files, which come with the first byte, and
// the task.
func (s *supervision) receive() (task, []*os.File, error) {
	var t task
	files, err := receiveFiles(s.conn)
	if err != nil {
		return t, nil, err
	}
	s.decoder = gob.NewDecoder(s.conn)
	err = s.decoder.Decode(&t)
	return t, files, err
}

// execute starts the command as a job of its own.
func execute(t task, files []*os.File) (pid int, err error) {
	fds := make([]uintptr, len(files))
	for i, f := range files {
		fds[i] = f.Fd()
	}
	sys := &syscall.SysProcAttr{Setpgid: true}
	if t.Terminal {
		if err := unix.IoctlSetInt(int(fds[0]), unix.TIOCSCTTY, 0); err != nil {
			return 0, fmt.Errorf("setting the controlling terminal: %w", err)
		}
		sys.Foreground, sys.Ctty = true, int(fds[0])
	}
	unix.Umask(t.Umask)
	return withoutBlockedSignals(func() (int, error) {
		return syscall.ForkExec(t.Path, t.Args, &syscall.ProcAttr{Dir: t.Dir, Env: t.Env, Files: fds, Sys: sys})
	})
}

// reap waits for all processes below this one, and reports how the command is.
func (s *supervision) reap(command int) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // ECHILD
			return
		case pid != command:
		case status.Stopped():
			_ = s.encoder.Encode(report{Stopped: true})
		default:
			s.mu.Lock()
			s.ended = true
			s.mu.Unlock()
			_ = s.encoder.Encode(report{Exited: true, Status: status})
		}
	}
}

// obey passes signals on to the command's process group, until it lets go of the
// tree or ends it.
func (s *supervision) obey(command int) {
	for {
		var o order
		err := s.decoder.Decode(&o)
		if err != nil {
			endDescendants()
		}
		if o.LetGo {
			return
		}
		s.mu.Lock()
		if !s.ended {
			_ = unix.Kill(-command, o.Signal)
		}
		s.mu.Unlock()
	}
}
