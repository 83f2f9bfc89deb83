package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/settings"
)

const runLong = `Run CMD in the proxy container of the project in the working directory. The
project (the git top level, else the working directory) is mounted at its own
path, and the command starts where the caller is. Its streams and its exit
status are the caller's: 128+n if signal n ended it, 125 when nixproxy itself
failed, 126 when CMD could not be executed, 127 when it was not found.

Nothing else of this host is seen, unless --mount names it: never the home
directory by itself. --workdir says where CMD starts, not which project it is:
relative to the working directory, or a directory of the container alone. No
path that is given to --mount may hold a colon.

Of the caller's environment CMD gets by itself TERM, COLORTERM, NO_COLOR, LANG,
LC_*, TZ, and the proxies: http_proxy, https_proxy, ftp_proxy, all_proxy and
no_proxy, also in upper case. -e and --env-file give it more. The substituters,
trusted keys, access tokens and netrc file of the host's Nix are CMD's too.`

func newRun(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "run [flags] [--] CMD [ARG...]",
		Short:   "run a command in the proxy container",
		Long:    runLong,
		Example: "  nixproxy run -- nix build .#x\n  nixproxy run -e FOO=bar sh -c 'echo $FOO'",
		Args: func(c *cobra.Command, args []string) error {
			a.runs = true
			return between(1, -1, "a command to run")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error { return a.session(c, args) },
	}
	bindRun(a, c)
	return c
}

// bindRun gives a command the flags of run. They end at the first argument: what
// follows is the command's own.
func bindRun(a *app, c *cobra.Command) {
	c.Flags().SetInterspersed(false)
	c.Flags().SortFlags = false
	settings.Bind(c.Flags(), &a.settings, settings.Run)
}

func isRun(c *cobra.Command) bool { return c.Name() == "run" || c.Name() == "shell" }

func (a *app) session(c *cobra.Command, argv []string) error {
	p, err := a.proxy()
	if err != nil {
		return err
	}
	env, err := environment(os.Environ(), a.settings.EnvFiles, a.settings.Env)
	if err != nil {
		return usage(c, "%w", err)
	}
	streams := session.Streams{In: a.in, Out: a.out, Err: a.err}
	caller, terminal := a.caller(streams)
	running, err := p.Start(c.Context(), proxy.Command{Argv: argv, Env: env, OneFile: streams.OneFile(), Terminal: terminal})
	if err != nil {
		return err
	}
	defer running.Close()
	exit, err := caller.attend(running, streams)
	if cause := context.Cause(c.Context()); err != nil && cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	a.explain(exit)
	a.last = func() { caller.interrupt(exit) }
	return commandEnd(exit)
}

// explain says of an end what its status does not.
func (a *app) explain(exit session.Exit) {
	switch {
	case !exit.OutOfMemory:
	case a.settings.Memory != "":
		a.terminal.Warn("the kernel killed a process of the container for lack of memory: give it more than --memory %s, or build with fewer jobs (nix's --max-jobs and --cores)", a.settings.Memory)
	default:
		a.terminal.Warn("the kernel killed a process of the container for lack of memory: give the engine more, or build with fewer jobs (nix's --max-jobs and --cores)")
	}
}
