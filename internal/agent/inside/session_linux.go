package inside

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent"
)

// farewell is how long a command whose client is gone has between SIGHUP and SIGKILL.
const farewell = time.Second

func (a Agent) serveSession(ctx context.Context, conn ssh.Conn, channel ssh.NewChannel) {
	session, requests, err := agent.Accept(conn, channel)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	command, refused := a.prepare(session.Request)
	if refused != nil {
		session.Refuse(refused.Reason, refused.Message)
		return
	}
	run(ctx, session, command)
}

// prepare makes of a request the command that keeps its image's promise.
func (a Agent) prepare(request agent.Request) (*exec.Cmd, *agent.Refused) {
	if len(request.Argv) == 0 {
		return nil, &agent.Refused{Reason: agent.NotFound, Message: "no command was given"}
	}
	stamp, err := a.Volume.Stamp(a.Image)
	if err != nil {
		reason := agent.Failed
		if errors.Is(err, os.ErrNotExist) {
			reason = agent.Unstamped
		}
		return nil, &agent.Refused{Reason: reason, Message: err.Error()}
	}
	dir := request.Dir
	if dir == "" {
		dir = a.Volume.Home()
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &agent.Refused{Reason: agent.NoDirectory, Message: fmt.Sprintf("there is no directory %s in the proxy container: only the project is mounted there", dir)}
	}
	env := environment(os.Environ(), a.Volume.Home(), stamp, request, dir)
	path, refused := lookUp(request.Argv[0], dir, valueOf(env, "PATH"))
	if refused != nil {
		return nil, refused
	}
	return &exec.Cmd{
		Path: path, Args: request.Argv, Dir: dir, Env: env,
		// A session of its own: what it starts can be told from other sessions' processes.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}, nil
}

// run starts the command, is its streams until it ends, and tells how it ended.
func run(ctx context.Context, session *agent.Session, command *exec.Cmd) {
	pipes, err := connect(command)
	if err != nil {
		session.Refuse(agent.Failed, err.Error())
		return
	}
	err = command.Start()
	pipes.closeTheirs()
	if err != nil {
		pipes.closeOurs()
		session.Refuse(agent.NotExecutable, startFailure(command, err))
		return
	}
	stop := context.AfterFunc(ctx, func() { endTree(command.Process.Pid) })
	defer stop()
	if err := session.Started(); err != nil {
		endTree(command.Process.Pid)
	}
	go pipes.feed(session)
	ended := make(chan struct{})
	var outputs sync.WaitGroup
	outputs.Go(func() { pipe(session, pipes.out, ended) })
	outputs.Go(func() { pipe(session.Stderr(), pipes.err, ended) })
	_ = command.Wait() // the state below says all that this error would
	close(ended)
	pipes.wakeReaders()
	outputs.Wait()
	session.Exit(exitOf(command.ProcessState), 0)
}

func startFailure(command *exec.Cmd, err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Sprintf("executing %s: %v", command.Args[0], err)
}

func exitOf(state *os.ProcessState) agent.Exit {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return agent.Exit{Signal: uint32(status.Signal())}
	}
	return agent.Exit{Status: uint32(state.ExitCode())}
}

// endTree ends the process group of a command whose client is lost.
func endTree(pid int) {
	_ = unix.Kill(-pid, unix.SIGHUP)
	time.AfterFunc(farewell, func() { _ = unix.Kill(-pid, unix.SIGKILL) })
}
