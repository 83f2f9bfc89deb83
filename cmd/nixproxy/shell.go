package main

import (
	"github.com/spf13/cobra"
)

func newShell(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "shell",
		Short:   "run the image's shell in the proxy container",
		Long:    "Run bash in the proxy container of the project in the working directory, as\n`nixproxy run -- bash` does: interactive at a terminal, else reading commands\nfrom stdin.",
		Example: "  nixproxy shell\n  nixproxy shell <script.sh",
		Args: func(c *cobra.Command, args []string) error {
			a.runs = true
			return between(0, 0, "")(c, args)
		},
		RunE: func(c *cobra.Command, _ []string) error { return a.session(c, []string{"bash"}) },
	}
	bindRun(a, c)
	return c
}
