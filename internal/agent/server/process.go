package server

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/session"
)

// A process is a session's command with its streams.
type process struct {
	supervisor *supervisor
	stdio      *stdio
	kills      int // oomKills before it started
}

// launch starts a command, on a terminal like the caller's or on pipes. With oneFile
// both outputs are one pipe. An errNotStarted says that the kernel would not execute the
// command.
func (a Agent) launch(t task, like *session.Terminal, oneFile bool) (*process, error) {
	p := &process{kills: oomKills()}
	var err error
	if p.stdio, err = openStdio(like, oneFile); err != nil {
		return nil, err
	}
	t.Terminal = like != nil
	if p.supervisor, err = a.supervisors.start(t, p.stdio.theirs); err != nil {
		p.stdio.abandon()
		return nil, err
	}
	p.stdio.started()
	return p, nil
}

// attend carries the command's streams until it ends. It returns how it ended, and how
// many bytes of stdin it has read. If both outputs are one file, all comes on out. What
// the command leaves in the background lives on, unless the client is lost: that may be
// why the command has ended.
func (p *process) attend(ctx context.Context, in io.Reader, out writeCloser, err io.Writer) (session.Exit, uint64) {
	go p.stdio.feed(in)
	ended := make(chan struct{})
	var outputs sync.WaitGroup
	outputs.Go(func() {
		p.stdio.out.copyTo(out, ended)
		_ = out.CloseWrite() // its reader need not wait for the command's end
	})
	if p.stdio.err != nil {
		outputs.Go(func() { p.stdio.err.copyTo(err, ended) })
	}
	status := p.supervisor.wait()
	close(ended)
	p.stdio.out.wake()
	if p.stdio.err != nil {
		p.stdio.err.wake()
	}
	outputs.Wait()
	if ctx.Err() == nil {
		p.supervisor.letGo()
	} else {
		p.end()
	}
	exit := session.Exit{OutOfMemory: oomKills() > p.kills}
	if status.Signaled() {
		exit.Signal = uint32(status.Signal())
	} else {
		exit.Status = uint32(status.ExitStatus())
	}
	return exit, p.stdio.taken()
}

// A writeCloser can end one direction of a connection.
type writeCloser interface {
	io.Writer
	CloseWrite() error
}

// end ends the command and its whole tree.
func (p *process) end() { p.supervisor.close() }

// signal sends a signal to the command's process group, by Linux's name without SIG.
func (p *process) signal(name session.Signal) {
	if number := unix.SignalNum("SIG" + string(name)); number != 0 {
		p.supervisor.signal(number)
	}
}

// obey follows a message of the client: a signal, or the size of its terminal.
func (p *process) obey(m session.Message) {
	switch {
	case m.Signal != "":
		p.signal(m.Signal)
	case m.Size != nil && p.stdio.out.terminal:
		_ = resize(p.stdio.out.file, *m.Size)
	case m.Gone == 1:
		p.stdio.out.close()
	case m.Gone == 2 && p.stdio.err != nil:
		p.stdio.err.close()
	}
}
