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
)

// A keeper is the agent's end of a process that runs Keep.
type keeper struct {
	conn    *net.UnixConn
	tell    *gob.Encoder
	hear    *gob.Decoder
	stopped chan struct{}        // each time that the command was stopped
	ended   chan unix.WaitStatus // how the command ended; closed
}

// newKeeper starts one. It ends when its socket is closed and its tree is gone.
func newKeeper() (*keeper, error) {
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
	process.Env = []string{} // all that it needs comes with the task
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := process.Start(); err != nil {
		return nil, err
	}
	go process.Wait()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	k := &keeper{conn: conn.(*net.UnixConn), stopped: make(chan struct{}, 1), ended: make(chan unix.WaitStatus, 1)}
	k.tell, k.hear = gob.NewEncoder(k.conn), gob.NewDecoder(k.conn)
	return k, nil
}

// errNotStarted is the error of a command that the kernel would not execute.
type errNotStarted struct{ text string }

func (e errNotStarted) Error() string { return e.text }

// start has the keeper start a command with these files as its stdin, stdout
// and stderr.
func (k *keeper) start(t task, files [3]*os.File) error {
	if err := sendFiles(k.conn, files[:]); err != nil {
		return fmt.Errorf("speaking to the keeper: %w", err)
	}
	if err := k.tell.Encode(t); err != nil {
		return fmt.Errorf("speaking to the keeper: %w", err)
	}
	var r report
	if err := k.hear.Decode(&r); err != nil {
		return fmt.Errorf("the keeper of the session ended: %w", err)
	}
	if r.Failure != "" {
		return errNotStarted{r.Failure}
	}
	go k.listen()
	return nil
}

func (k *keeper) listen() {
	defer close(k.ended)
	for {
		var r report
		if err := k.hear.Decode(&r); err != nil {
			return
		}
		switch {
		case r.Exited:
			k.ended <- r.Status
			return
		case r.Stopped:
			select {
			case k.stopped <- struct{}{}:
			default: // one is told already
			}
		}
	}
}

// signal sends a signal to the command's process group.
func (k *keeper) signal(s unix.Signal) { _ = k.tell.Encode(order{Signal: s}) }

// letGo leaves what a command that has ended has in the background to itself,
// unless the keeper was closed before.
func (k *keeper) letGo() {
	_ = k.tell.Encode(order{LetGo: true})
	k.conn.Close()
}

// close ends the tree.
func (k *keeper) close() { k.conn.Close() }

// wait returns how the command ended. A keeper that somebody killed counts as
// its command's end, whose tree then has nobody: a signal is the truth about it.
func (k *keeper) wait() unix.WaitStatus {
	status, ok := <-k.ended
	if !ok {
		return unix.WaitStatus(unix.SIGKILL)
	}
	return status
}

// keepers has one keeper ready, because a process takes longer to start (3 ms)
// than everything else that a session needs.
type keepers struct {
	mu    sync.Mutex
	spare *keeper
	done  bool
}

// restock is when a new spare is started: after the command that took the last
// one had its chance to start.
const restock = 100 * time.Millisecond

// start starts a command in a keeper of its own.
func (p *keepers) start(t task, files [3]*os.File) (*keeper, error) {
	k, err := p.take()
	if err != nil {
		return nil, fmt.Errorf("starting a keeper: %w", err)
	}
	err = k.start(t, files)
	var refused errNotStarted
	if err != nil && !errors.As(err, &refused) {
		// The spare had been killed.
		k.close()
		if k, err = newKeeper(); err == nil {
			err = k.start(t, files)
		}
	}
	if err != nil {
		if k != nil {
			k.close()
		}
		return nil, err
	}
	return k, nil
}

func (p *keepers) take() (*keeper, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	time.AfterFunc(restock, p.stock)
	if k := p.spare; k != nil {
		p.spare = nil
		return k, nil
	}
	return newKeeper()
}

// stock makes sure of a spare.
func (p *keepers) stock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spare == nil && !p.done {
		p.spare, _ = newKeeper() // the next session tries again, and tells
	}
}

// close ends the spare.
func (p *keepers) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	if p.spare != nil {
		p.spare.close()
	}
}
