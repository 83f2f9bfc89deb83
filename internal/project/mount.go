package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// Mount is a directory or a file of the host that the container sees.
type Mount struct {
	Source   string // a real path of the host
	Target   string // where it is inside
	ReadOnly bool
}

// The hints for a mount that is not possible.
const (
	otherTarget = "choose another target, --mount SRC:DST"
	mountForm   = "write SRC[:DST][:ro]"
)

// mounts parses the user's mounts, each SRC[:DST][:ro], with SRC relative to dir.
func (sys System) mounts(dir string, texts []string) ([]Mount, error) {
	var all []Mount
	for _, text := range texts {
		m, err := sys.mount(dir, text)
		if err != nil {
			return nil, fmt.Errorf("--mount %s: %w", text, err)
		}
		for _, other := range all {
			if other.Target == m.Target && other != m {
				return nil, hint.Add(fmt.Errorf("--mount %s: something else is to be mounted at %s already", text, m.Target), otherTarget)
			}
		}
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all, nil
}

func (sys System) mount(dir, text string) (Mount, error) {
	source, target, readOnly, err := split(text)
	if err != nil {
		return Mount{}, err
	}
	m := Mount{ReadOnly: readOnly}
	if m.Source, err = sys.real(from(dir, source)); errors.Is(err, os.ErrNotExist) {
		return Mount{}, hint.Add(fmt.Errorf("%s does not exist", filepath.Clean(from(dir, source))), "name a directory or file that does")
	} else if err != nil {
		return Mount{}, err
	}
	if m.Source == "/" {
		return Mount{}, hint.Add(errors.New("the root directory cannot be mounted"), "name a directory in it")
	}
	if m.Target = filepath.Clean(target); target == "" {
		m.Target = m.Source
	}
	if hidden := hides(m.Target); hidden != "" {
		return Mount{}, hint.Add(fmt.Errorf("nothing can be mounted at %s: %s is the system's", m.Target, hidden), otherTarget)
	}
	return m, nil
}

// split splits SRC[:DST][:ro]. There is no quoting: no path in it can hold a colon.
func split(text string) (source, target string, readOnly bool, err error) {
	rest, readOnly := strings.CutSuffix(text, ":ro")
	source, target, given := strings.Cut(rest, ":")
	switch {
	case source == "":
		err = hint.Add(errors.New("it names no source"), mountForm)
	case given && !filepath.IsAbs(target), strings.Contains(target, ":"):
		err = hint.Add(fmt.Errorf("%q is not an absolute path without a colon", target), mountForm)
	}
	return source, target, readOnly, err
}

// from returns path as seen from dir. It is not cleaned: before links are resolved, x/..
// need not be the directory that x is in.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return dir + "/" + path
}

// addMounts adds the user's mounts. Each replaces what would be mounted at the same place
// by default, so that `--mount .:ro` is the project, read-only.
func (p *Project) addMounts(added []Mount) {
	p.Mounts = slices.DeleteFunc(p.Mounts, func(m Mount) bool {
		return slices.ContainsFunc(added, func(a Mount) bool { return a.Target == m.Target })
	})
	p.Mounts = append(p.Mounts, added...)
	if len(added) > 0 {
		p.Note = ""
	}
}

// inside returns the path inside of a path of the host, and whether it is mounted at all:
// the same path where that is mounted, else the one by the nearest mount.
func (p Project) inside(path string) (string, bool) {
	var best Mount
	for _, m := range p.Mounts {
		switch {
		case !within(path, m.Source):
		case m.Source == m.Target:
			return path, true
		case len(m.Source) > len(best.Source):
			best = m
		}
	}
	if best.Source == "" {
		return "", false
	}
	return best.Target + strings.TrimPrefix(path, best.Source), true
}
