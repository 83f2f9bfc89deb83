package main

import (
	"github.com/spf13/cobra"
)

func newConfig(a *app) *cobra.Command {
	return group("config", "print configuration for other programs", newConfigSSH(a))
}
