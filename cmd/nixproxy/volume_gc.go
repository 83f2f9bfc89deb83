package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/maintenance"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

const gcLong = `Collect garbage in the volume: what no image, synced path, project, profile or
running process needs. It may run while others build. The table says what is
deleted, what is kept, and why; a SIZE there is of all that the thing needs,
which others may need too.

Images go but for those in use and the --keep-images used last; the next
command that needs one copies it again. What a link such as ./result holds goes
once the link is gone from a directory that is there; --forget lets go of a
project that was deleted as a whole. --older-than lets go of more: paths that
were synced last before that time, and generations of profiles that were not
current since then (in whole days). With --max-size nothing goes from a store
that is no larger, and from a larger one no more garbage than it takes.`

type gcFlags struct {
	maxSize string // as it was written
	plan    agentapi.GCPlan
	asJSON  bool
}

func newVolumeGC(a *app) *cobra.Command {
	var f gcFlags
	c := &cobra.Command{
		Use:     "gc",
		Short:   "collect garbage in the volume",
		Long:    gcLong,
		Example: "  nixproxy volume gc --dry-run\n  nixproxy volume gc --older-than 30d --max-size 20g",
		Args:    theVolume,
	}
	c.Flags().Func("max-size", "bring the store to `SIZE`, such as 20g, and no further", f.setMaxSize)
	c.Flags().Func("older-than", "let go of synced paths and generations older than `TIME`, such as 30d or 12h", f.setOlderThan)
	c.Flags().IntVar(&f.plan.KeepImages, "keep-images", 2, "keep the `N` images used last, those in use among them")
	c.Flags().StringArrayVar(&f.plan.ForgetDirs, "forget", nil, "let go of what links in `DIR` and below held, which is gone or at another place; may be given again")
	c.Flags().StringArrayVar(&f.plan.ForgetHosts, "forget-host", nil, "let go of what all projects of another host hold, by the `ID` in the table; may be given again")
	c.Flags().BoolVar(&f.plan.DryRun, "dry-run", false, "show what would be deleted, and delete nothing")
	c.Flags().SortFlags = false
	jsonFlag(c, &f.asJSON)
	c.RunE = a.withProxy(func(ctx context.Context, p *proxy.Proxy, _ []string) error {
		if err := f.check(); err != nil {
			return usage(c, "%w", err)
		}
		result, name, err := maintenance.GC(ctx, p, f.plan)
		if err != nil {
			return err
		}
		if f.asJSON {
			return printJSON(a.out, result)
		}
		return a.printGC(result, name, f)
	})
	return c
}

func (f *gcFlags) setMaxSize(text string) (err error) {
	f.maxSize = text
	if f.plan.MaxSize, err = units.RAMInBytes(text); err != nil || f.plan.MaxSize <= 0 {
		return errors.New("it is written like 500m or 20g")
	}
	return nil
}

func (f *gcFlags) setOlderThan(text string) (err error) {
	f.plan.OlderThan, err = parseAge(text)
	return err
}

// check refuses what the flags say together.
func (f *gcFlags) check() error {
	switch {
	case f.plan.KeepImages < 1:
		return hint.Add(fmt.Errorf("--keep-images %d: one image at least must stay, whose Nix collects", f.plan.KeepImages), "`nixproxy volume rm` removes all")
	case slices.Contains(f.plan.ForgetDirs, ""):
		return errors.New("--forget needs a directory")
	case slices.Contains(f.plan.ForgetHosts, ""):
		return hint.Add(errors.New("--forget-host needs an ID"), "`nixproxy volume gc --dry-run` lists them")
	}
	return nil
}

// parseAge reads a time as nix-collect-garbage has it, 30d, or as Go has it, 12h.
func parseAge(s string) (time.Duration, error) {
	if text, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.ParseUint(text, 10, 16); err == nil && days > 0 {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	}
	if age, err := time.ParseDuration(s); err == nil && age > 0 {
		return age, nil
	}
	return 0, errors.New("it is written like 30d or 12h")
}

func (a *app) printGC(c agentapi.GCResult, name string, f gcFlags) error {
	var rows [][]string
	for _, deleted := range []bool{true, false} {
		for _, d := range c.Decisions {
			if d.Delete == deleted && (d.Origin != agentapi.OriginGarbage || d.Paths > 0) {
				rows = append(rows, decisionRow(d, c.DryRun))
			}
		}
	}
	if len(rows) > 0 {
		if err := printTable(a.out, []string{"", "ORIGIN", "SIZE", "LAST USED", "NAME: REASON"}, rows); err != nil {
			return err
		}
	}
	a.noteGC(c, name, f)
	return nil
}

func decisionRow(d agentapi.Decision, dryRun bool) []string {
	verb := "kept"
	switch {
	case d.Delete && dryRun:
		verb = "would delete"
	case d.Delete:
		verb = "deleted"
	}
	if d.Origin == agentapi.OriginGarbage {
		d.Name = terminal.Count(d.Paths, "path")
	}
	return []string{verb, string(d.Origin), terminal.Size(d.Size), moment(d.LastUsed), d.Name + ": " + d.Reason} // what is long comes last
}

// noteGC says what was freed, and what more could be done.
func (a *app) noteGC(c agentapi.GCResult, name string, f gcFlags) {
	verb := "freed"
	if c.DryRun {
		verb = "would free"
	}
	a.terminal.Note("%s %s (%s): the store in volume %s has %s, of which %s are needed",
		verb, terminal.Size(c.FreedSize), terminal.Count(c.FreedPaths, "path"), name, terminal.Size(c.SizeAfter), terminal.Size(min(c.LiveSize, c.SizeAfter)))
	if f.plan.MaxSize > 0 && c.SizeAfter > f.plan.MaxSize {
		a.terminal.Warn("that is more than %s: what is needed gets less with --older-than, --keep-images 1 and --forget, or when links such as ./result are removed",
			f.maxSize)
	}
}
