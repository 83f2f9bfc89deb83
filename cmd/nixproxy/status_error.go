package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/session"
)

// Exit statuses. run and shell use the engine's convention, so that a caller
// can tell nixproxy's failure from the command's; all others 0, 1 and 2.
const (
	statusFailed     = 1
	statusUsage      = 2
	statusOwn        = 125 // nixproxy itself failed, wrong usage included
	statusBySignal   = 128 // plus the signal's number
	byCommand, byOwn = "command", "nixproxy"
)

// A commandEnd is how the command of run or shell ended: not an error to show.
type commandEnd session.Exit

func (e commandEnd) Error() string { return fmt.Sprintf("the command ended: %+v", session.Exit(e)) }

// A usageError is the user's: its hint says where the help is.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// usage is the error of a command that was written wrong. A hint that it has comes before
// the one that says where the help is.
func usage(c *cobra.Command, format string, a ...any) error {
	err := fmt.Errorf(format, a...)
	help := fmt.Sprintf("see `%s --help`", c.CommandPath())
	if first := hint.Of(err); first != "" {
		help = first + "; " + help
	}
	return hint.Add(usageError{err}, "%s", help)
}

// statusOf returns the exit status for what a command returned, and whether it is the
// command's or nixproxy's own.
func statusOf(ctx context.Context, err error, runs bool) (status int, by string) {
	var end commandEnd
	var refused *session.Refused
	var wrong usageError
	switch signal, interrupted := signalOf(ctx); {
	case err == nil:
		return 0, byOwn
	case errors.As(err, &end) && end.Signal != 0:
		return statusBySignal + int(end.Signal), byCommand
	case errors.As(err, &end):
		return int(end.Status), byCommand
	case interrupted:
		return statusBySignal + int(signal), byOwn
	case runs && errors.As(err, &refused):
		return refused.Reason.Status(), byOwn
	case runs:
		return statusOwn, byOwn
	case errors.As(err, &wrong):
		return statusUsage, byOwn
	}
	return statusFailed, byOwn
}
