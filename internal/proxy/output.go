package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/session"
)

// Output runs a program in the proxy container as `run` does, and writes its stdout.
// say gets each line of its stderr. When the program fails its last line is the
// error; all of its stdout was written by then, so the writer must be able to discard
// it.
func (p *Proxy) Output(ctx context.Context, to io.Writer, say func(line string), argv ...string) error {
	running, err := p.Start(ctx, Command{Argv: argv})
	if err != nil {
		return err
	}
	defer running.Close()
	stderr := &lines{say: say}
	exit, err := running.Wait(session.Streams{Out: to, Err: stderr})
	if err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	return stderr.end(exit)
}

// lines passes a program's stderr on one line late, so that the last line can be the
// error.
type lines struct {
	say     func(string)
	last    string
	partial []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, ok := bytes.Cut(l.partial, []byte("\n"))
		if !ok {
			l.partial = l.partial[max(0, len(l.partial)-nixstore.TailSize):] // a line may have no end
			return len(p), nil
		}
		l.line(string(line))
		l.partial = rest
	}
}

func (l *lines) line(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	if _, advice := hint.Parse(l.last + "\n" + line); l.last != "" && advice != "" {
		l.last += "\n" + line // it belongs to the error before it
		return
	}
	if l.last != "" {
		l.say(l.last)
	}
	l.last = line
}

func (l *lines) end(exit session.Exit) error {
	l.line(string(l.partial))
	switch {
	case exit.Status == 0 && exit.Signal == 0:
		if l.last != "" {
			l.say(l.last)
		}
		return nil
	case l.last != "":
		return hint.FromText(l.last)
	case exit.Signal != 0:
		return fmt.Errorf("it was ended by signal %d in the proxy container", exit.Signal)
	}
	return fmt.Errorf("it ended with status %d in the proxy container, and said nothing", exit.Status)
}
