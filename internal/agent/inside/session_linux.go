package inside

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent"
)

func (a Agent) serveSession(ctx context.Context, conn ssh.Conn, channel ssh.NewChannel) {
	session, requests, err := agent.Accept(conn, channel)
	if err != nil {
		return
	}
	own := a.newPrivate()
	defer own.remove()
	task, refused := a.prepare(session.Request, own)
	if refused != nil {
		session.Refuse(refused.Reason, refused.Message)
		return
	}
	a.run(ctx, session, requests, task, own)
}

// prepare makes of a request the command that keeps its image's promise.
func (a Agent) prepare(request agent.Request, own *private) (task, *agent.Refused) {
	if len(request.Argv) == 0 {
		return task{}, &agent.Refused{Reason: agent.NotFound, Message: "no command was given"}
	}
	stamp, err := a.Volume.Stamp(a.Image)
	if err != nil {
		reason := agent.Failed
		if errors.Is(err, os.ErrNotExist) {
			reason = agent.Unstamped
		}
		return task{}, &agent.Refused{Reason: reason, Message: err.Error()}
	}
	dir := request.Dir
	if dir == "" {
		dir = a.Volume.Home()
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return task{}, &agent.Refused{Reason: agent.NoDirectory, Message: fmt.Sprintf("there is no directory %s in the proxy container: mount it with --mount, or choose another --workdir", dir)}
	}
	secrets, err := own.keep(request.Secrets)
	if err != nil {
		return task{}, &agent.Refused{Reason: agent.Failed, Message: err.Error()}
	}
	env := environment(os.Environ(), a.Volume.Home(), stamp, request, dir, nixLines{fitted: a.fitted(), secrets: secrets})
	path, refused := lookUp(request.Argv[0], dir, valueOf(env, "PATH"))
	if refused != nil {
		return task{}, refused
	}
	return task{Path: path, Args: request.Argv, Dir: dir, Env: env, Umask: int(request.Umask)}, nil
}

// run starts the command, is its streams until it ends, and tells how it ended.
// The context ends with the client.
func (a Agent) run(ctx context.Context, session *agent.Session, requests <-chan *ssh.Request, t task, own *private) {
	p, err := a.launch(t, session.Request.Terminal)
	var unexecutable errNotStarted
	if errors.As(err, &unexecutable) {
		session.Refuse(agent.NotExecutable, fmt.Sprintf("executing %s: %v", t.Args[0], err))
		return
	}
	if err != nil {
		session.Refuse(agent.Failed, err.Error())
		return
	}
	defer context.AfterFunc(ctx, p.end)()
	if err := session.Started(); err != nil {
		p.end()
	}
	go listen(p, session, requests)
	exit, taken := p.attend(session, session, session.Stderr())
	own.remove() // a client that knows of the end finds nothing left
	session.Exit(exit, taken)
}

// listen passes on what the two ends say besides the streams.
func listen(p *process, session *agent.Session, requests <-chan *ssh.Request) {
	for {
		select {
		case <-p.keeper.stopped:
			session.Stopped()
		case request, ok := <-requests:
			if !ok {
				return
			}
			if said, ok := agent.Hear(request); ok {
				p.obey(said)
			}
			if request.WantReply {
				_ = request.Reply(false, nil)
			}
		}
	}
}
