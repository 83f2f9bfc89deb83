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
)

// A task is the command that a keeper is told to start.
type task struct {
	Path     string
	Args     []string
	Dir      string
	Env      []string
	Umask    int
	Terminal bool // its stdin is to be the controlling terminal
}

// file is the command's own path: Path may be relative to Dir.
func (t task) file() string {
	if filepath.IsAbs(t.Path) {
		return t.Path
	}
	return filepath.Join(t.Dir, t.Path)
}

// An order is what a keeper is told afterwards: a signal to pass on, or to let go
// of what a command that has ended leaves in the background.
type order struct {
	Signal unix.Signal
	LetGo  bool
}

// A report is what a keeper tells.
type report struct {
	Failure string // why the command could not be started
	Stopped bool
	Exited  bool
	Status  unix.WaitStatus
}

const (
	keeperSocket = 3 // the file descriptor by which a keeper is spoken to
	// farewell is how long a tree whose client is gone has between SIGHUP and SIGKILL.
	farewell = 700 * time.Millisecond
)

// Keep is the process between an agent and one session's command. Whatever the
// command starts is below it for good: the kernel gives it the orphans (it is a
// child subreaper), so that the whole tree can be ended, what called setsid and
// Nix's builders included. It leads the session, so that the command is one job
// of a terminal as it would be at home, and not the one whose end hangs it up.
//
// It ends when its tree has. It ends the tree when the agent closes the socket, or
// is gone, without having let go of it: the client's end may well have been the
// command's, by SIGPIPE or an end of stdin.
func Keep() error {
	if err := becomeSubreaper(); err != nil {
		return fmt.Errorf("becoming a subreaper: %w", err)
	}
	// The terminal's end is told to its session's leader. Not ignored, as that
	// would be inherited.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	k, err := newKeeping(keeperSocket)
	if err != nil {
		return err
	}
	t, files, err := k.receive()
	if err != nil {
		return nil // an agent that has ended needs no keeper
	}
	pid, err := execute(t, files)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		return k.tell.Encode(report{Failure: platform.NotExecuted(t.file(), err).Error()})
	}
	_ = k.tell.Encode(report{}) // an agent that is gone is noticed by obey
	go k.obey(pid)
	k.reap(pid)
	return nil
}

// A keeping is a keeper at work.
type keeping struct {
	conn  *net.UnixConn
	hear  *gob.Decoder
	tell  *gob.Encoder
	mu    sync.Mutex // over ended, and between a signal and the end that makes its number another's
	ended bool       // the command, if not its children
}

func newKeeping(fd uintptr) (*keeping, error) {
	f := os.NewFile(fd, "agent")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("a keeper is spoken to by a unix socket")
	}
	return &keeping{conn: unix, tell: gob.NewEncoder(unix)}, nil
}

// receive takes the command's three files, which come with the first byte, and
// the task.
func (k *keeping) receive() (task, []*os.File, error) {
	var t task
	files, err := receiveFiles(k.conn)
	if err != nil {
		return t, nil, err
	}
	k.hear = gob.NewDecoder(k.conn)
	err = k.hear.Decode(&t)
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
			return 0, fmt.Errorf("taking the terminal: %w", err)
		}
		sys.Foreground, sys.Ctty = true, int(fds[0])
	}
	unix.Umask(t.Umask)
	return withoutBlockedSignals(func() (int, error) {
		return syscall.ForkExec(t.Path, t.Args, &syscall.ProcAttr{Dir: t.Dir, Env: t.Env, Files: fds, Sys: sys})
	})
}

// reap waits for everything below, and tells of the command.
func (k *keeping) reap(command int) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // ECHILD
			return
		case pid != command:
		case status.Stopped():
			_ = k.tell.Encode(report{Stopped: true})
		default:
			k.mu.Lock()
			k.ended = true
			k.mu.Unlock()
			_ = k.tell.Encode(report{Exited: true, Status: status})
		}
	}
}

// obey passes signals on to the command and its children, until it lets go of
// them or ends them.
func (k *keeping) obey(command int) {
	for {
		var o order
		err := k.hear.Decode(&o)
		if err != nil {
			endDescendants()
		}
		if o.LetGo {
			return
		}
		k.mu.Lock()
		if !k.ended {
			_ = unix.Kill(-command, o.Signal)
		}
		k.mu.Unlock()
	}
}
