package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// store is the store that is being built under root, the image's file system.
type store struct {
	root  string
	paths []string          // in the order they were added: each after all that it refers to
	of    map[string]string // package -> store path

	runnable runnable
}

// real gives the place on this machine of a path of the image.
func (s *store) real(path string) string {
	return filepath.Join(s.root, path)
}

// absolute gives the name of a package's file inside the image.
func (s *store) absolute(r ref) string {
	return s.of[r.pkg.name] + "/" + r.rel
}

// name gives each component of packages its store path, dependencies first.
func (s *store) name(x *index, components [][]string, edges map[string]map[string]bool, sums map[string]string) {
	for _, members := range components {
		first := x.packages[members[0]]
		inputs := []string{fmt.Sprint(formatVersion)}
		for _, member := range members {
			inputs = append(inputs, sums[member])
			for _, dep := range sortedKeys(edges[member]) {
				inputs = append(inputs, s.of[dep]) // empty within the component
			}
		}
		p := storePath(storeName(first.name, first.version), inputs...)
		for _, member := range members {
			s.of[member] = p
		}
		s.paths = append(s.paths, p)
	}
}

// place moves the packages to their store paths and makes them live there.
func (s *store) place(ctx context.Context, packages map[string]*pkg, all map[string]needs) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for name := range s.of {
		p, n := packages[name], all[name]
		group.Go(func() error {
			if err := s.placePackage(ctx, p, n); err != nil {
				return fmt.Errorf("placing %s: %w", p.name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (s *store) placePackage(ctx context.Context, p *pkg, n needs) error {
	out := s.of[p.name]
	if err := os.MkdirAll(s.real(out), 0o755); err != nil {
		return err
	}
	for rel, executable := range p.files {
		if err := move(filepath.Join(p.dir, rel), filepath.Join(s.real(out), rel), executable); err != nil {
			return err
		}
	}
	for rel, target := range n.links {
		if err := s.link(out, rel, target); err != nil {
			return err
		}
	}
	for _, script := range n.scripts {
		if err := s.patchScript(out, script); err != nil {
			return err
		}
	}
	for _, e := range n.elves {
		if err := s.patchELF(ctx, out, e); err != nil {
			return err
		}
	}
	return nil
}

func move(from, to string, executable bool) error {
	mode := os.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(from, mode); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// link is relative within a store path and absolute across, as in nixpkgs.
func (s *store) link(out, rel string, target ref) error {
	text := s.absolute(target)
	if s.of[target.pkg.name] == out {
		var err error
		if text, err = filepath.Rel(path.Dir(rel), target.rel); err != nil {
			return err
		}
	}
	name := filepath.Join(s.real(out), rel)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.Symlink(text, name)
}

func (s *store) patchScript(out string, need scriptNeed) error {
	file := filepath.Join(s.real(out), need.rel)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	line, body, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(strings.TrimPrefix(string(line), "#!"))
	fields[0] = s.absolute(need.interp)
	body = bytes.ReplaceAll(body, []byte(outMark), []byte(out))
	return os.WriteFile(file, append([]byte("#!"+strings.Join(fields, " ")+"\n"), body...), 0o755)
}

// patchELF sets an rpath rather than a runpath, so that it holds for what libraries open at run
// time, too.
func (s *store) patchELF(ctx context.Context, out string, need elfNeed) error {
	var dirs []string
	for _, dir := range need.dirs {
		dirs = append(dirs, s.absolute(dir))
	}
	args := []string{"--force-rpath", "--set-rpath", strings.Join(dirs, ":")}
	if need.interp != nil {
		args = append(args, "--set-interpreter", s.absolute(*need.interp))
	}
	file := filepath.Join(s.real(out), need.rel)
	if _, err := output(ctx, "patchelf", append(args, file)...); err != nil {
		return err
	}
	return dropProperty(file)
}
