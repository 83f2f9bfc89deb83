package server

import (
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// A supervisor is the agent's end of a process that runs Supervise.
type supervisor struct {
	conn    *net.UnixConn
	encoder *gob.Encoder
	decoder *gob.Decoder
	stopped chan struct{}        // a value each time that the command was stopped
	ended   chan unix.WaitStatus // how the command ended; then closed
}

// newSupervisor starts a supervisor. It ends when its socket is closed and its tree
// is gone.
func newSupervisor() (*supervisor, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := exec.Command(self, agentapi.ModeSupervise)
	process.ExtraFiles = []*os.File{theirs}
	process.Stderr = os.Stderr
	process.Env = []string{} // the command's environment comes with the task
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := process.Start(); err != nil {
		return nil, err
	}
	go process.Wait()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	s := &supervisor{conn: conn.(*net.UnixConn), stopped: make(chan struct{}, 1), ended: make(chan unix.WaitStatus, 1)}
	s.encoder, s.decoder = gob.NewEncoder(s.conn), gob.NewDecoder(s.conn)
	return s, nil
}

// errNotStarted is the error of a command that the kernel would not execute.
type errNotStarted struct{ error }

func (e errNotStarted) Unwrap() error { return e.error }

// start starts a command with these files as its stdin, stdout and stderr.
func (s *supervisor) start(t task, files [3]*os.File) error {
	if err := sendFiles(s.conn, files[:]); err != nil {
		return fmt.Errorf("sending the command's files to its supervisor: %w", err)
	}
	if err := s.encoder.Encode(t); err != nil {
		return fmt.Errorf("sending the command to its supervisor: %w", err)
	}
	var r report
	if err := s.decoder.Decode(&r); err != nil {
		return fmt.Errorf("the supervisor of the session ended: %w", err)
	}
	if r.Failure != "" {
		return errNotStarted{hint.FromText(r.Failure)}
	}
	go s.readReports()
	return nil
}

func (s *supervisor) readReports() {
	defer close(s.ended)
	for {
		var r report
		if err := s.decoder.Decode(&r); err != nil {
			return
		}
		switch {
		case r.Exited:
			s.ended <- r.Status
			return
		case r.Stopped:
			select {
			case s.stopped <- struct{}{}:
			default: // an earlier stop is still to be read
			}
		}
	}
}

// signal sends a signal to the command's process group.
func (s *supervisor) signal(number unix.Signal) { _ = s.encoder.Encode(order{Signal: number}) }

// letGo lets the background processes of an ended command live on, unless the supervisor was
// closed before.
func (s *supervisor) letGo() {
	_ = s.encoder.Encode(order{LetGo: true})
	s.conn.Close()
}

// close ends the tree.
func (s *supervisor) close() { s.conn.Close() }

// wait returns how the command ended. A supervisor that was killed counts as the
// command's end by SIGKILL: nobody supervises its tree any more.
func (s *supervisor) wait() unix.WaitStatus {
	status, ok := <-s.ended
	if !ok {
		return unix.WaitStatus(unix.SIGKILL)
	}
	return status
}

// A supervisorPool has one spare supervisor ready: a process takes longer to start
// (3 ms) than all else that a session needs.
type supervisorPool struct {
	mu    sync.Mutex
	spare *supervisor
	done  bool
}

// restock is when a new spare is started: after the command of the last one had time
// to start.
const restock = 100 * time.Millisecond

// start starts a command in a supervisor of its own.
func (p *supervisorPool) start(t task, files [3]*os.File) (*supervisor, error) {
	s, err := p.get()
	if err != nil {
		return nil, fmt.Errorf("starting a supervisor: %w", err)
	}
	err = s.start(t, files)
	var notStarted errNotStarted
	if err != nil && !errors.As(err, &notStarted) {
		// The spare had been killed.
		s.close()
		if s, err = newSupervisor(); err == nil {
			err = s.start(t, files)
		}
	}
	if err != nil {
		if s != nil {
			s.close()
		}
		return nil, err
	}
	return s, nil
}

// get returns the spare supervisor, or a new one.
func (p *supervisorPool) get() (*supervisor, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	time.AfterFunc(restock, p.stock)
	if s := p.spare; s != nil {
		p.spare = nil
		return s, nil
	}
	return newSupervisor()
}

// stock starts a spare supervisor if there is none.
func (p *supervisorPool) stock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spare == nil && !p.done {
		p.spare, _ = newSupervisor() // where it fails, the next session tries again and tells why
	}
}

// close ends the spare.
func (p *supervisorPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	if p.spare != nil {
		p.spare.close()
	}
}
