package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func newVolume(a *app) *cobra.Command {
	return group("volume", "list, inspect, clean, verify, export, import and remove volumes",
		newVolumeList(a),
		newVolumeInspect(a),
		newVolumeGC(a),
		newVolumeVerify(a),
		newVolumeExport(a),
		newVolumeImport(a),
		newVolumeRemove(a),
	)
}

// theVolume checks the arguments of a command on one volume. It has none: the volume is
// named by a flag, as for all commands.
func theVolume(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(c, "%w", hint.Add(fmt.Errorf("%s takes no arguments, and got %q", c.CommandPath(), args[0]), "--volume names a volume"))
	}
	return nil
}

// group is a command that has only subcommands.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   name + " COMMAND",
		Short: short,
		Args:  unknownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return usage(c, "%s needs a command", c.CommandPath()) },
	}
	c.AddCommand(commands...)
	return c
}
