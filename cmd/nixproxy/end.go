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

	"github.com/nixproxy/nixproxy/internal/maintenance"
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
			var volumes []string
			if withVolume {
				if volumes, err = maintenance.Names(c.Context(), p); err != nil {
					return err
				}
			}
			if err := a.confirmRemoval(c, p, volumes, yes); err != nil {
				return err
			}
			if err := a.removeContainers(c.Context(), p, p.Settings.Volume); err != nil {
				return err
			}
			return a.removeVolumes(c.Context(), p, volumes)
		},
	}
	c.Flags().BoolVar(&withVolume, "with-volume", false, "remove their volumes too, with all that was built in them")
	c.Flags().BoolVar(&yes, "yes", false, "ask nothing")
	return c
}

func (a *app) removeContainers(ctx context.Context, p *proxy.Proxy, volume string) error {
	names, err := p.Remove(ctx, volume)
	a.report("removed", "container", names)
	return err
}

func (a *app) report(done, what string, names []string) {
	for _, name := range names {
		a.terminal.Note("%s %s %s", done, what, name)
	}
}

// canAsk refuses to take nothing for a yes, where there is no terminal.
func (a *app) canAsk(c *cobra.Command) error {
	if in, ok := a.in.(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		return usage(c, "there is no terminal to ask on: add --yes")
	}
	return nil
}

// confirm asks on the terminal.
func (a *app) confirm(question string) error {
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
