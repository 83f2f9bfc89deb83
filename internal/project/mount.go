package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mount is a directory or a file of the host that the container sees.
type Mount struct {
	Source   string // a real path of the host
	Target   string // where it is inside
	ReadOnly bool
}

// mounts reads what the user asked for, each SRC[:DST][:ro], with SRC relative to dir.
func (sys System) mounts(dir string, asked []string) ([]Mount, error) {
	var all []Mount
	for _, text := range asked {
		m, err := sys.mount(dir, text)
		if err != nil {
			return nil, fmt.Errorf("--mount %s: %w", text, err)
		}
		for _, other := range all {
			if other.Target == m.Target && other != m {
				return nil, fmt.Errorf("--mount %s: something else is to be mounted at %s already: choose another target, --mount SRC:DST", text, m.Target)
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
		return Mount{}, fmt.Errorf("%s does not exist: name a directory or file that does", filepath.Clean(from(dir, source)))
	} else if err != nil {
		return Mount{}, err
	}
	if m.Source == "/" {
		return Mount{}, errors.New("the root directory cannot be mounted: name a directory in it")
	}
	if m.Target = filepath.Clean(target); target == "" {
		m.Target = m.Source
	}
	if hidden := hides(m.Target); hidden != "" {
		return Mount{}, fmt.Errorf("nothing can be mounted at %s: %s is the system's: choose another target, --mount SRC:DST", m.Target, hidden)
	}
	return m, nil
}

// split takes SRC[:DST][:ro] apart. There is no quoting: no path in it can hold a colon.
func split(text string) (source, target string, readOnly bool, err error) {
	rest, readOnly := strings.CutSuffix(text, ":ro")
	source, target, given := strings.Cut(rest, ":")
	switch {
	case source == "":
		err = errors.New("it names no source: write SRC[:DST][:ro]")
	case given && !filepath.IsAbs(target), strings.Contains(target, ":"):
		err = fmt.Errorf("%q is not an absolute path without a colon: write SRC[:DST][:ro]", target)
	}
	return source, target, readOnly, err
}

// from is path as seen from dir. It is not cleaned: before links are resolved, x/.. need
// not be where it started.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return dir + "/" + path
}

// add mounts what the user asked for. It stands in for what would be mounted at the same
// place without being asked, so that `--mount .:ro` is the project, read-only.
func (p *Project) add(asked []Mount) {
	p.Mounts = slices.DeleteFunc(p.Mounts, func(m Mount) bool {
		return slices.ContainsFunc(asked, func(a Mount) bool { return a.Target == m.Target })
	})
	p.Mounts = append(p.Mounts, asked...)
	if len(asked) > 0 {
		p.Note = ""
	}
}

// inside is the path at which a path of the host is seen inside, if it is: its own, where
// it has that, else by the mount that is nearest to it.
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
