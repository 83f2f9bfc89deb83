package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/session"
)

// newConnect is what the configuration printed by `config ssh` starts: no command
// for people.
func newConnect(a *app) *cobra.Command {
	var dir, knownHosts string
	c := &cobra.Command{
		Use:    "connect",
		Short:  "carry an SSH connection on standard input and output to the proxy container",
		Hidden: true,
		Args:   between(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			// All that depends on where a command is called depends on this.
			if dir == "" {
				return usage(c, "--directory is missing")
			}
			if err := os.Chdir(dir); err != nil {
				return hint.Add(fmt.Errorf("changing to the directory that the ssh configuration is for: %w", err), "print another one with `nixproxy config ssh`")
			}
			return a.connect(c, knownHosts)
		},
	}
	bindRelay(a, c)
	c.Flags().StringVar(&dir, "directory", "", "`DIR` to start in")
	c.Flags().StringVar(&knownHosts, "known-hosts", "", "`FILE` in the state directory that tells ssh the agent's key")
	return c
}

func (a *app) connect(c *cobra.Command, knownHosts string) error {
	p, err := a.proxy()
	if err != nil {
		return err
	}
	running, err := a.startRelay(c, p)
	if err != nil {
		return err
	}
	defer running.Close()
	// ssh reads it when the agent shows its key: a new volume has a new one.
	if knownHosts != "" {
		if _, err := writeKnownHosts(p, knownHosts, running); err != nil {
			return err
		}
	}
	_, err = running.Wait(session.Streams{In: a.in, Out: a.out, Err: a.err})
	if context.Cause(c.Context()) != nil {
		return context.Cause(c.Context())
	}
	return err
}

func (a *app) startRelay(c *cobra.Command, p *proxy.Proxy) (*session.Command, error) {
	env, err := environment(os.Environ(), a.settings.EnvFiles, a.settings.Env)
	if err != nil {
		return nil, usage(c, "%w", err)
	}
	return p.Start(c.Context(), proxy.Command{SSH: true, Env: env})
}
