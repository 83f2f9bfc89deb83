package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/session"
)

// A caller is what a command runs for: a session of our own type, or a standard one.
type caller interface {
	io.ReadWriter // the command's stdin and stdout
	CloseWrite() error
	Stderr() io.Writer
	Started() error
	Refuse(*session.Refused)
	Stopped()
	Exit(e session.Exit, taken uint64)
}

func (a Agent) serveSession(ctx context.Context, conn ssh.Conn, channel ssh.NewChannel) {
	s, requests, err := session.Accept(conn, channel)
	if err != nil {
		return
	}
	a.idle.set(s.Request.Idle)
	a.autoGC.set(s.Request.MaxSize, s.Request.Idle)
	a.serveCommand(ctx, conn, s, s.Request, requests)
}

// serveCommand runs the command that a caller requests. The context ends with the
// connection.
func (a Agent) serveCommand(ctx context.Context, conn ssh.Conn, c caller, request session.Request, requests <-chan *ssh.Request) {
	own := a.newPrivate()
	host := hostOf(conn)
	orLog(a.pins.Begin, host)
	before := a.Volume.Registered()
	leave := sync.OnceFunc(func() {
		own.remove()
		orLog(a.pins.End, host)
		if err := a.Volume.KeepRegistered(before); err != nil {
			fmt.Fprintln(os.Stderr, "writing what was built to disk:", err)
		}
	})
	defer leave()
	if request.SSHAgent {
		lent, end := context.WithCancel(ctx)
		defer end()
		socket, err := lendSSHAgent(lent, conn, own)
		if err != nil {
			c.Refuse(session.Refuse(session.Failed, fmt.Errorf("lending the ssh agent: %w", err)))
			return
		}
		request.Env = append(slices.Clip(request.Env), "SSH_AUTH_SOCK="+socket)
	}
	if request.SSH {
		a.serveRelayed(c, request, requests)
		return
	}
	task, refused := a.prepare(request, own)
	if refused != nil {
		c.Refuse(refused)
		return
	}
	a.run(ctx, c, request, requests, task, leave)
}

// prepare turns a request into a task with the environment of the image's stamp.
func (a Agent) prepare(request session.Request, own *private) (task, *session.Refused) {
	if len(request.Argv) == 0 {
		return task{}, &session.Refused{Reason: session.NotFound, Message: "no command was given"}
	}
	stamp, err := a.Volume.Stamp(a.Image)
	if err != nil {
		reason := session.Failed
		if errors.Is(err, os.ErrNotExist) {
			reason = session.Unstamped
		}
		return task{}, session.Refuse(reason, err)
	}
	dir := request.Dir
	if dir == "" {
		dir = a.Volume.Home()
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || agentapi.IsDeleted(dir) {
		return task{}, &session.Refused{Reason: session.NoDirectory, Message: fmt.Sprintf("there is no directory %s in the proxy container", dir),
			Hint: "mount it with --mount, or choose another --workdir"}
	}
	secrets, err := own.writeSecrets(request.Secrets)
	if err != nil {
		return task{}, session.Refuse(session.Failed, err)
	}
	env := environment(os.Environ(), a.Volume.Home(), stamp, request, dir, nixLines{fitted: a.fitted(), secrets: secrets})
	path, refused := lookUp(request.Argv[0], dir, valueOf(env, "PATH"))
	if refused != nil {
		return task{}, refused
	}
	return task{Path: path, Args: request.Argv, Dir: dir, Env: env, Umask: int(request.Umask)}, nil
}

// run starts the command, carries its streams until it ends, and tells the caller how
// it ended. The context ends with the client.
func (a Agent) run(ctx context.Context, c caller, request session.Request, requests <-chan *ssh.Request, t task, leave func()) {
	p, err := a.launch(t, request.Terminal, request.OneFile)
	var notStarted errNotStarted
	if errors.As(err, &notStarted) {
		c.Refuse(session.Refuse(session.NotExecutable, fmt.Errorf("executing %s: %w", t.Args[0], err)))
		return
	}
	if err != nil {
		c.Refuse(session.Refuse(session.Failed, err))
		return
	}
	defer context.AfterFunc(ctx, p.end)()
	if err := c.Started(); err != nil {
		p.end()
	}
	go listen(p, c, requests)
	exit, taken := p.attend(ctx, c, c, c.Stderr())
	leave() // before the client knows of the end: then all is pinned and on the disk
	c.Exit(exit, taken)
}

// listen passes the messages of the client on, and tells the client when the command stops.
func listen(p *process, c caller, requests <-chan *ssh.Request) {
	for {
		select {
		case <-p.supervisor.stopped:
			c.Stopped()
		case request, ok := <-requests:
			if !ok {
				p.end() // the caller has left
				return
			}
			if m, ok := session.ParseMessage(request); ok {
				p.obey(m)
			}
			if request.WantReply {
				_ = request.Reply(false, nil)
			}
		}
	}
}

// hostOf returns the name of the host that a connection comes from, by its client's key.
func hostOf(conn ssh.Conn) string {
	return agentapi.HostName([]byte(conn.(*ssh.ServerConn).Permissions.Extensions[clientKey]))
}

// orLog calls Begin or End of a Pinner. A failure is not the command's fault, so it goes to
// the container's log.
func orLog(pin func(host string) error, host string) {
	if err := pin(host); err != nil {
		fmt.Fprintln(os.Stderr, "pinning what was built:", err)
	}
}
