package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nixproxy/nixproxy/internal/proxy"
)

const whichContainers = "With\n--volume those of that volume alone, else all that nixproxy made on this engine."

func newStop(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "stop the containers",
		Long:  "Stop the containers; the next command starts them again. " + whichContainers,
		Args:  between(0, 0, ""),
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			names, err := p.Stop(ctx)
			a.report("stopped", "container", names)
			return err
		}),
	}
}

func newRemove(a *app) *cobra.Command {
	var withVolume, yes bool
	c := &cobra.Command{
		Use:   "rm",
		Short: "remove the containers, and the volume if asked to",
		Long:  "Stop and remove the containers; the next command makes new ones. " + whichContainers,
		Args:  between(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.proxy()
			if err != nil {
				return err
			}
			return a.remove(c, p, withVolume, yes)
		},
	}
	c.Flags().BoolVar(&withVolume, "with-volume", false, "remove their volumes too, with all that was built in them")
	c.Flags().BoolVar(&yes, "yes", false, "ask nothing")
	return c
}

func (a *app) remove(c *cobra.Command, p *proxy.Proxy, withVolume, yes bool) error {
	var volumes []string
	if withVolume {
		var err error
		if volumes, err = p.Volumes(c.Context()); err != nil {
			return err
		}
		if len(volumes) > 0 && !yes {
			if err := a.confirm(c, "remove volume "+strings.Join(volumes, ", ")+" and all that is in it?"); err != nil {
				return err
			}
		}
	}
	names, err := p.Remove(c.Context())
	a.report("removed", "container", names)
	if err != nil {
		return err
	}
	if err := p.RemoveVolumes(c.Context(), volumes); err != nil {
		return err
	}
	a.report("removed", "volume", volumes)
	return nil
}

func (a *app) report(done, what string, names []string) {
	for _, name := range names {
		a.terminal.Note("%s %s %s", done, what, name)
	}
}

// confirm asks on the terminal; where there is none nothing is taken for a yes.
func (a *app) confirm(c *cobra.Command, question string) error {
	if in, ok := a.in.(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		return usage(c, "there is no terminal to ask on: add --yes")
	}
	fmt.Fprintf(a.err, "nixproxy: %s [y/N] ", question)
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return fmt.Errorf("nothing was removed")
	}
	return nil
}
