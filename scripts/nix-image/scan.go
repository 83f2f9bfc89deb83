package main

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// index finds the package that a file or link belongs to.
type index struct {
	owner    map[string]*pkg
	packages map[string]*pkg
	triplet  string
}

// ref is a name in another package's, or the own, store path.
type ref struct {
	pkg *pkg
	rel string
}

// needs is what has to be changed in one package for it to live in the store.
type needs struct {
	elves   []elfNeed
	scripts []scriptNeed
	links   map[string]ref
}

type elfNeed struct {
	rel    string
	interp *ref // nil for a library
	dirs   []ref
}

type scriptNeed struct {
	rel    string
	interp ref
}

func newIndex(packages []*pkg, triplet string) *index {
	x := &index{owner: map[string]*pkg{}, packages: map[string]*pkg{}, triplet: triplet}
	for _, p := range packages {
		x.packages[p.name] = p
		for rel := range p.files {
			x.owner[rel] = p
		}
		for rel := range p.links {
			x.owner[rel] = p
		}
	}
	return x
}

// dropForeign takes out what could not work: scripts for an interpreter that the image lacks
// (Perl), and links to nothing, until none is left.
func (x *index) dropForeign() error {
	for _, p := range x.packages {
		for rel, executable := range p.files {
			if !executable {
				continue
			}
			interp, err := shebang(filepath.Join(p.dir, rel))
			if err != nil {
				return err
			}
			if interp != "" && x.owner[relName(interp)] == nil {
				if err := x.drop(p, rel); err != nil {
					return err
				}
			}
		}
	}
	for x.dropDangling() {
	}
	return nil
}

func (x *index) drop(p *pkg, rel string) error {
	delete(x.owner, rel)
	return p.drop(rel)
}

func (x *index) dropDangling() (dropped bool) {
	for _, p := range x.packages {
		for rel, target := range p.links {
			if x.owner[target] == nil && !p.hasDir(target) {
				delete(x.owner, rel)
				delete(p.links, rel)
				dropped = true
			}
		}
	}
	return dropped
}

func (p *pkg) hasDir(rel string) bool {
	info, err := os.Stat(filepath.Join(p.dir, rel))
	return err == nil && info.IsDir()
}

// reach scans the packages and all that they need, and gives the edges between them, too.
func (x *index) reach(roots []string) (map[string]needs, map[string]map[string]bool, error) {
	all, edges := map[string]needs{}, map[string]map[string]bool{}
	for todo := slices.Clone(roots); len(todo) > 0; todo = todo[1:] {
		name := todo[0]
		if _, done := all[name]; done {
			continue
		}
		p := x.packages[name]
		if p == nil {
			return nil, nil, fmt.Errorf("apt brought no package %s", name)
		}
		var err error
		if all[name], err = x.scan(p); err != nil {
			return nil, nil, err
		}
		edges[name] = all[name].packagesOf()
		for _, dep := range unseen()[name] {
			if x.packages[dep] != nil {
				edges[name][dep] = true
			}
		}
		todo = append(todo, sortedKeys(edges[name])...)
	}
	return all, edges, nil
}

// scan finds everything in a package that names another file.
func (x *index) scan(p *pkg) (needs, error) {
	n := needs{links: map[string]ref{}}
	for rel, target := range p.links {
		owner := x.owner[target]
		if owner == nil {
			owner = p
		}
		n.links[rel] = ref{owner, target}
	}
	for rel, executable := range p.files {
		if err := x.scanFile(p, rel, executable, &n); err != nil {
			return n, fmt.Errorf("reading %s of %s: %w", rel, p.name, err)
		}
	}
	return n, nil
}

func (x *index) scanFile(p *pkg, rel string, executable bool, n *needs) error {
	file := filepath.Join(p.dir, rel)
	if executable {
		interp, err := shebang(file)
		if err != nil {
			return err
		}
		if interp != "" {
			name := relName(interp)
			n.scripts = append(n.scripts, scriptNeed{rel, ref{x.owner[name], name}})
			return nil
		}
	}
	need, err := x.scanELF(p, rel)
	if err == nil && need != nil {
		n.elves = append(n.elves, *need)
	}
	return err
}

// shebang gives the interpreter of a script, "" for anything else.
func shebang(file string) (string, error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	line, err := bufio.NewReader(io.LimitReader(in, 256)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	fields := strings.Fields(strings.TrimPrefix(line, "#!"))
	if !strings.HasPrefix(line, "#!") || len(fields) == 0 {
		return "", nil
	}
	return fields[0], nil
}

// scanELF gives what a dynamically linked file needs; nil for any other file. libc6's own files
// are left as they are: they find each other through whoever loads them, and ld.so must not be
// edited.
func (x *index) scanELF(p *pkg, rel string) (*elfNeed, error) {
	file := filepath.Join(p.dir, rel)
	f, err := elf.Open(file)
	var format *elf.FormatError
	if errors.As(err, &format) || errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	interp := interpreter(f)
	libs, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	if p.name == "libc6" || (len(libs) == 0 && interp == "") {
		return nil, nil
	}
	need := &elfNeed{rel: rel}
	if interp != "" {
		owner := x.owner[relName(interp)]
		if owner == nil {
			return nil, fmt.Errorf("no package brings %s", interp)
		}
		need.interp = &ref{owner, relName(interp)}
	}
	need.dirs, err = x.libraryDirs(rel, f, libs)
	return need, err
}

func interpreter(f *elf.File) string {
	for _, prog := range f.Progs {
		if prog.Type == elf.PT_INTERP {
			text, err := io.ReadAll(prog.Open())
			if err == nil {
				return strings.TrimRight(string(text), "\x00")
			}
		}
	}
	return ""
}

// libraryDirs finds each library where the dynamic linker of Debian would: in the file's own
// search path, then in the system's folders.
func (x *index) libraryDirs(rel string, f *elf.File, libs []string) ([]ref, error) {
	search := append(runPath(f, rel), "lib/"+x.triplet, "lib")
	seen := map[ref]bool{}
	var dirs []ref
	for _, lib := range libs {
		dir, ok := x.find(lib, search)
		if !ok {
			return nil, fmt.Errorf("no package brings %s", lib)
		}
		if !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

func (x *index) find(lib string, search []string) (ref, bool) {
	for _, dir := range append(search, "lib64") {
		if owner := x.owner[dir+"/"+lib]; owner != nil {
			return ref{owner, dir}, true
		}
	}
	return ref{}, false
}

func runPath(f *elf.File, rel string) []string {
	var dirs []string
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		values, err := f.DynString(tag)
		if err != nil {
			continue
		}
		for _, dir := range strings.Split(strings.Join(values, ":"), ":") {
			dir = strings.NewReplacer("${ORIGIN}", "/"+path.Dir(rel), "$ORIGIN", "/"+path.Dir(rel)).Replace(dir)
			dirs = append(dirs, relName(dir))
		}
	}
	return dirs
}

// packagesOf names the packages that these needs lead to.
func (n needs) packagesOf() map[string]bool {
	names := map[string]bool{}
	for _, e := range n.elves {
		if e.interp != nil {
			names[e.interp.pkg.name] = true
		}
		for _, dir := range e.dirs {
			names[dir.pkg.name] = true
		}
	}
	for _, s := range n.scripts {
		names[s.interp.pkg.name] = true
	}
	for _, l := range n.links {
		names[l.pkg.name] = true
	}
	return names
}
