package enginetest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// A Program is what a mode of the agent does, and returns the status that it
// ends with.
type Program func(*Process) int

// A Process is a program that runs in a container. Its context ends when the
// container does.
type Process struct {
	context.Context
	Container engine.Container
	Args      []string // after the mode
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	conn      *conn // to its client; nil: none
}

// killed is the status of a process that ended with its container.
const killed = 137

// Program says what a mode of the agent does from now on, in containers of their
// own and in executions alike. An agent that is asked for a mode without a
// program says so, as one of an earlier nixproxy does.
func (e *Engine) Program(mode string, p Program) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.programs[mode] = p
}

// Answer is a program that reads its stdin to the end, and then writes.
func Answer(answer func(stdin string) (stdout, stderr string, status int)) Program {
	return func(p *Process) int {
		stdin, err := io.ReadAll(p.Stdin)
		if err != nil {
			return killed
		}
		stdout, stderr, status := answer(string(stdin))
		_, _ = io.WriteString(p.Stderr, stderr)
		_, _ = io.WriteString(p.Stdout, stdout)
		return status
	}
}

// Print is a program that writes to stdout, whatever it reads.
func Print(stdout string) Program {
	return func(p *Process) int {
		_, _ = io.WriteString(p.Stdout, stdout)
		return 0
	}
}

// Refuse is a program that fails with what it writes to stderr.
func Refuse(stderr string) Program {
	return func(p *Process) int {
		_, _ = io.WriteString(p.Stderr, stderr)
		return 1
	}
}

// InTurn is a program that does something else each time. When all was done it
// fails.
func InTurn(programs ...Program) Program {
	var mu sync.Mutex
	return func(p *Process) int {
		mu.Lock()
		next := Refuse("this mode was executed once too often")
		if len(programs) > 0 {
			next, programs = programs[0], programs[1:]
		}
		mu.Unlock()
		return next(p)
	}
}

// Serve is a program that speaks with its client until serve returns. It closes
// the connection then.
func Serve(serve func(net.Conn)) Program {
	return func(p *Process) int {
		if p.conn == nil {
			<-p.Done() // nobody can speak with it
			return killed
		}
		serve(served{p.conn, p.Stdout})
		return 0
	}
}

// served is a process's stdin and stdout as a connection.
type served struct {
	*conn
	stdout io.Writer
}

func (s served) Write(p []byte) (int, error) { return s.stdout.Write(p) }

// Exec starts a mode of the agent in a running container.
func (e *Engine) Exec(ctx context.Context, id string, argv ...string) (*engine.Stream, error) {
	what := strings.Join(argv[min(1, len(argv)):], " ")
	if err := e.change(ctx, "exec", e.nameOf(id)+" "+what); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	c, err := e.find(id)
	if err != nil {
		return nil, err
	}
	if !c.Running() {
		return nil, Conflict("container %s is not running", c.Name)
	}
	client, end := connected()
	status := e.runLocked(c, argv, end, true)
	return engine.NewStream(client, client, func(ctx context.Context) (int, error) {
		select {
		case s := <-status:
			status <- s
			return s, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}), nil
}

// Output runs a mode of the agent to its end.
func (e *Engine) Output(ctx context.Context, id, stdin string, argv ...string) ([]byte, error) {
	s, err := e.Exec(ctx, id, argv...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	go func() {
		_, _ = io.WriteString(s, stdin)
		_ = s.CloseWrite()
	}()
	output, err := io.ReadAll(s)
	if err == nil {
		err = s.Ended(ctx, argv[0])
	}
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	return output, nil
}

// runLocked runs a program in a container, with the end of a connection for its
// streams or none, and returns where its status comes from. Without stdin the
// program finds that it has ended.
func (e *Engine) runLocked(c *Container, argv []string, end *conn, stdin bool) chan int {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Process{Context: ctx, Container: c.Container, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, conn: end}
	if end != nil {
		mu := new(sync.Mutex)
		p.Stdout, p.Stderr = frames{1, mu, end}, frames{2, mu, end}
		if stdin {
			p.Stdin = end
		}
		context.AfterFunc(ctx, func() { end.Close() })
	}
	program := e.programLocked(argv)
	if len(argv) > 2 {
		p.Args = slices.Clone(argv[2:])
	}
	c.kills = append(c.kills, cancel)
	status := make(chan int, 1)
	e.running.Go(func() {
		s := program(p)
		if ctx.Err() != nil {
			s = killed
		}
		status <- s
		cancel()
	})
	return status
}

// programLocked is the program of a command line.
func (e *Engine) programLocked(argv []string) Program {
	if len(argv) < 2 || argv[0] != agentapi.Binary {
		return func(p *Process) int {
			fmt.Fprintf(p.Stderr, "exec: %q: no such file or directory", argv)
			return 127
		}
	}
	if program, ok := e.programs[argv[1]]; ok {
		return program
	}
	return func(p *Process) int {
		fmt.Fprintf(p.Stderr, "there is no mode %s", argv[1])
		return agentapi.NoSuchMode
	}
}
