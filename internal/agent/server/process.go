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
	keeper *keeper
	stdio  *stdio
	kills  int // for want of memory, in this container, before it started
}

// launch starts a command, on a terminal like the caller's or on pipes, of which
// oneFile makes the outputs one. An errNotStarted says that the kernel would not
// execute it.
func (a Agent) launch(t task, like *session.Terminal, oneFile bool) (*process, error) {
	p := &process{kills: oomKills()}
	var err error
	if p.stdio, err = openStdio(like, oneFile); err != nil {
		return nil, err
	}
	t.Terminal = like != nil
	if p.keeper, err = a.keepers.start(t, p.stdio.theirs); err != nil {
		p.stdio.abandon()
		return nil, err
	}
	p.stdio.started()
	return p, nil
}

// attend carries the command's streams until it ends, and tells how it ended
// and how much of stdin it has read. Nothing comes on err where stdout is both
// outputs. What the command leaves in the background lives on, but for a client
// that was lost before, which may be why the command has ended.
func (p *process) attend(ctx context.Context, in io.Reader, out writeCloser, err io.Writer) (session.Exit, uint64) {
	go p.stdio.feed(in)
	ended := make(chan struct{})
	var outputs sync.WaitGroup
	outputs.Go(func() {
		p.stdio.out.copyTo(out, ended)
		_ = out.CloseWrite() // whoever reads it need not wait for the command's end
	})
	if p.stdio.err != nil {
		outputs.Go(func() { p.stdio.err.copyTo(err, ended) })
	}
	status := p.keeper.wait()
	close(ended)
	p.stdio.out.wake()
	if p.stdio.err != nil {
		p.stdio.err.wake()
	}
	outputs.Wait()
	if ctx.Err() == nil {
		p.keeper.letGo()
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

// A writeCloser can end one way of a connection.
type writeCloser interface {
	io.Writer
	CloseWrite() error
}

// end ends the command and its whole tree.
func (p *process) end() { p.keeper.close() }

// signal sends a signal by its name to the command and its children; Linux's
// name without SIG.
func (p *process) signal(name session.Signal) {
	if number := unix.SignalNum("SIG" + string(name)); number != 0 {
		p.keeper.signal(number)
	}
}

// obey does what the client says.
func (p *process) obey(said session.Said) {
	switch {
	case said.Signal != "":
		p.signal(said.Signal)
	case said.Size != nil && p.stdio.out.terminal:
		_ = resize(p.stdio.out.file, *said.Size)
	case said.Gone == 1:
		p.stdio.out.close()
	case said.Gone == 2 && p.stdio.err != nil:
		p.stdio.err.close()
	}
}
