package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/settings"
)

const rootLong = `nixproxy runs Linux Nix on a Mac as if it were local. It looks at the Nix on
this host, gets the image of the same version, keeps one persistent /nix volume
for all versions, and runs commands in a warm container that mounts it.

  nixproxy run -- nix --version
  nixproxy run -- nix build .#x
  alias lnix='nixproxy run -- nix'`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "nixproxy COMMAND",
		Short:         "Linux Nix on a Mac as if it were local",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return usage(c, "nixproxy needs a command") },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return a.prepare(c)
		},
	}
	settings.Bind(root.PersistentFlags(), &a.settings, settings.Global)
	root.PersistentFlags().SortFlags = false
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate()))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		a.runs = isRun(meant(c, a.args))
		return usage(c, "%w", plainly(err))
	})
	root.AddCommand(newRun(a), newShell(a), newSync(a), newCopy(a), newStatus(a), newVersion(a), newStop(a), newRemove(a), newVolume(a), newImage(a), newConfig(a), newConnect(a))
	inOneVoice(root)
	return root
}

// inOneVoice rewrites the texts of cobra's own commands in nixproxy's style, and gives
// each command without a long text a sentence made of its short one.
func inOneVoice(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short, c.Long = "show the help of a command", ""
		case "completion":
			c.Short, c.Long = "print a script that completes command lines in a shell", ""
			for _, shell := range c.Commands() {
				shell.Short = "print the one for " + shell.Name()
			}
		}
	}
	eachCommand(root, func(c *cobra.Command) {
		if c.Long == "" {
			c.Long = strings.ToUpper(c.Short[:1]) + c.Short[1:] + "."
		}
	})
}

func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, do)
	}
}

// plainly says what a number or a switch takes, with the flag's long name alone.
func plainly(err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	what := ""
	switch wrong.GetFlag().Value.Type() {
	case "bool":
		what = "one of 1, 0, true, false"
	case "int":
		what = "a whole number"
	default:
		return err
	}
	return fmt.Errorf("invalid argument %q for %q flag: it is %s", wrong.GetValue(), "--"+wrong.GetFlag().Name, what)
}

// meant finds the command of an argument list that has an unknown flag, so that flags
// cannot be told from their values: the first subcommand of c that is named, or c.
func meant(c *cobra.Command, args []string) *cobra.Command {
	for _, arg := range args {
		for _, sub := range c.Commands() {
			if sub.Name() == arg {
				return sub
			}
		}
	}
	return c
}

// usageTemplate is cobra's, wrapped for a terminal of 80 columns, with one usage line for
// a command that has only subcommands, and with a pointer to the flags of all commands in
// place of two screens of them.
func usageTemplate(template string) string {
	return strings.NewReplacer(
		"Global Flags:\n{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}", "`{{.Root.Name}} --help` lists the flags that all commands have.",
		".FlagUsages", ".FlagUsagesWrapped 80",
		"{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}",
		"[command]", "COMMAND",
	).Replace(template)
}

func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("there is no command %q", args[0])
	c.SuggestionsMinimumDistance = 2
	if similar := c.SuggestionsFor(args[0]); len(similar) > 0 {
		err = hint.Add(err, "the most similar is %q", similar[0])
	}
	return usage(c, "%w", err)
}

// between checks that a command has at least least arguments and at most most; -1 is any
// number.
func between(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage(c, "%s needs %s", c.CommandPath(), what)
		case most == 0 && len(args) > 0:
			return usage(c, "%s takes no arguments, and got %q", c.CommandPath(), args[0])
		case most >= 0 && len(args) > most:
			return usage(c, "%s takes no more than %s, and got %q too", c.CommandPath(), what, args[most])
		}
		return nil
	}
}
