package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/maintenance"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

func newVolumeVerify(a *app) *cobra.Command {
	var repair, asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "read all of the volume, and tell what is broken",
		Long: "Read every store path of the volume that a command here would use, or of\n" +
			"--volume, and tell which are not what the volume's database says; and check\n" +
			"what nixproxy keeps there. It fails if something is broken, and changes nothing.\n\n" +
			"With --repair, broken paths are copied anew from the images on the engine that\n" +
			"have them. It tells what can be done about others.",
		Args: theVolume,
		RunE: a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
			found, err := maintenance.Verify(ctx, p, repair)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(a.out, found)
			} else {
				err = printVerification(a, found, repair)
			}
			if err != nil {
				return err
			}
			return verdict(found, repair)
		}),
	}
	c.Flags().BoolVar(&repair, "repair", false, "repair what is broken, from images on the engine")
	jsonFlag(c, &asJSON)
	return c
}

// printVerification prints a line for each thing that is broken.
func printVerification(a *app, found agentapi.Verification, repaired bool) error {
	var report strings.Builder
	for _, b := range found.Broken {
		fmt.Fprintln(&report, terminal.Harmless(brokenPath(b)))
	}
	for _, f := range found.Faults {
		what := f.Problem
		if f.Repaired {
			what += ": repaired"
		}
		fmt.Fprintln(&report, terminal.Harmless(what))
	}
	for _, file := range found.Leftovers {
		what := "left by what was interrupted; it does no harm"
		if repaired {
			what = "removed; it was left by what was interrupted"
		}
		fmt.Fprintf(&report, "%s: %s\n", terminal.Harmless(file), what)
	}
	fmt.Fprintf(&report, "%s checked, %d broken\n", amount(found.Store), left(found))
	_, err := a.out.WriteString(a.terminal.Advised(report.String()))
	return err
}

func brokenPath(b agentapi.BrokenPath) string {
	switch {
	case b.Repaired:
		return fmt.Sprintf("%s: %s, copied anew from %s", b.Path, b.Problem, b.RepairedFrom)
	case b.Hint != "":
		return fmt.Sprintf("%s: %s; %s", b.Path, b.Problem, b.Hint)
	}
	return fmt.Sprintf("%s: %s", b.Path, b.Problem)
}

// left counts what is broken and was not repaired.
func left(found agentapi.Verification) (n int) {
	for _, b := range found.Broken {
		if !b.Repaired {
			n++
		}
	}
	for _, f := range found.Faults {
		if !f.Repaired {
			n++
		}
	}
	return n
}

func verdict(found agentapi.Verification, repaired bool) error {
	what := "1 thing is"
	if n := left(found); n == 0 {
		return nil
	} else if n > 1 {
		what = fmt.Sprintf("%d things are", n)
	}
	if repaired {
		return hint.Add(fmt.Errorf("%s still broken", what), "standard output says of each what can be done")
	}
	return hint.Add(fmt.Errorf("%s broken", what), "`nixproxy volume verify --repair` repairs what images on the engine have")
}
