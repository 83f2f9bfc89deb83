package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nixproxy/nixproxy/internal/agentbin"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/settings"
	"github.com/nixproxy/nixproxy/internal/state"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

// An app is what all commands share: the caller's streams and the settings.
type app struct {
	args     []string
	in       io.Reader
	out, err *os.File
	signals  *signals // the process's own
	settings settings.Settings
	given    string // the flags that say what the command is about
	terminal *terminal.Terminal
	prepared bool   // the settings are complete
	runs     bool   // the command has the exit statuses of run and shell
	last     func() // to be done when all is said; nil is nothing
}

func newApp(in io.Reader, out, err *os.File) *app {
	a := &app{in: in, out: out, err: err}
	a.terminal = a.newTerminal() // until the settings are known
	return a
}

func (a *app) run(ctx context.Context, args []string) int {
	a.args = args
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	c, err := root.ExecuteContextC(ctx)
	if err != nil && !a.prepared {
		// The command line is wrong, so that prepare was not called yet. Its settings say
		// how to show the error.
		_ = a.prepare(c)
	}
	status, by := statusOf(ctx, err, a.runs)
	var end commandEnd
	if _, bySignal := signalOf(ctx); err != nil && !errors.As(err, &end) && !bySignal {
		a.terminal.Error(err)
	}
	a.terminal.Exit(by, status)
	if a.last != nil {
		a.last()
	}
	return status
}

// prepare completes the settings from the environment, before any command.
func (a *app) prepare(c *cobra.Command) error {
	a.prepared = true
	_, err := settings.Resolve(c.Flags(), &a.settings, os.LookupEnv)
	a.given = shellWords(settings.Subject(c.Flags()))
	a.terminal = a.newTerminal()
	for _, text := range settings.Warnings(c.Flags()) {
		a.terminal.Warn("%s", text)
	}
	if err != nil {
		return usage(c, "%w", err)
	}
	return nil
}

func (a *app) newTerminal() *terminal.Terminal {
	o := terminal.Options{Mode: a.settings.Progress, Quiet: a.settings.Quiet, Debug: a.settings.Debug,
		IsTerminal: term.IsTerminal(int(a.err.Fd())), NoColor: os.Getenv("NO_COLOR") != "", Given: a.given}
	if o.IsTerminal {
		o.Width, _, _ = term.GetSize(int(a.err.Fd())) // 0 where it is not known
	}
	return terminal.New(a.err, o)
}

// proxy is the way of every command that needs more than the host.
func (a *app) proxy() (*proxy.Proxy, error) {
	dir, err := state.Open(a.settings.State)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return nil, fmt.Errorf("finding nixproxy's own file: %w", err)
	}
	cwd, _ := os.Getwd() // a removed directory is found to be one by internal/project
	host := engine.ThisHost()
	return &proxy.Proxy{Settings: a.settings, Terminal: a.terminal, State: dir,
		Host:   proxy.Host{System: runtime.GOOS, Dir: cwd, Home: host.Home, Engine: host, Self: self, Umask: umask(), SSHAgent: os.Getenv("SSH_AUTH_SOCK")},
		Agents: agentbin.Embedded(), NewEngine: a.newEngine}, nil
}

func (a *app) newEngine(endpoint engine.Endpoint, apiVersion string) (proxy.Engine, error) {
	e, err := engine.Open(endpoint, apiVersion)
	if err != nil {
		return nil, err
	}
	e.Warn = a.terminal.Warn
	return e, nil
}

// umask reads the process's by setting it: there is no other way on a Mac.
func umask() int {
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	return mask
}

// withProxy makes a command of work that needs a Proxy: all but what concerns only the
// host.
func (a *app) withProxy(work func(context.Context, *proxy.Proxy, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		p, err := a.proxy()
		if err != nil {
			return err
		}
		return work(c.Context(), p, args)
	}
}
