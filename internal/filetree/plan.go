// Package filetree copies files out of a store as plain ones: Pack writes them as
// a tar in which links out of the packed tree are resolved, and Unpack puts them
// in place, all or nothing. Write does the latter for a single file.
package filetree

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// An entry is a file of the copy.
type entry struct {
	name   string      // in the copy; what is copied itself is top
	source string      // where its content is; empty: it has none
	link   string      // what a link says
	info   fs.FileInfo // of the content
}

// A plan is all that is to be packed. It is made before anything is written, so
// that what cannot be copied is told at once, and the size is known.
type plan struct {
	store   string // the directory that files may come from
	entries []entry
	bytes   int64
	trees   []tree   // those being walked, each for a link in the one before
	roots   []string // of all trees
}

// A tree is a directory that is copied with all that it holds.
type tree struct {
	root string // its real path
	at   string // the directory that is being walked in it
}

// add plans a file of the store and what it holds.
func (p *plan) add(name, source string) error {
	info, err := os.Lstat(source)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return p.addLink(name, source)
	case info.IsDir():
		return p.addDir(name, source)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is neither a file nor a directory", source)
	}
	p.bytes += info.Size()
	p.entries = append(p.entries, entry{name: name, source: source, info: info})
	return nil
}

func (p *plan) addDir(name, source string) error {
	files, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	p.entries = append(p.entries, entry{name: name})
	for _, f := range files {
		p.trees[len(p.trees)-1].at = source
		if err := p.add(path.Join(name, f.Name()), filepath.Join(source, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// addTree plans a directory that is copied for itself or for a link to it.
func (p *plan) addTree(name, root string) error {
	p.trees = append(p.trees, tree{root: root, at: root})
	p.roots = append(p.roots, root)
	err := p.add(name, root)
	p.trees = p.trees[:len(p.trees)-1]
	return err
}

// copyPart is the hint for a link that cannot be copied.
const copyPart = "copy a part without it"

// addLink plans a link that stays in its tree as a link, and any other as what
// it leads to.
func (p *plan) addLink(name, source string) error {
	target, err := os.Readlink(source)
	if err != nil {
		return err
	}
	if link, stays := p.trees[len(p.trees)-1].relink(source, target); stays {
		p.entries = append(p.entries, entry{name: name, link: link})
		return nil
	}
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return hint.Add(fmt.Errorf("following the link %s to %s: %w", source, target, err), copyPart)
	}
	if !below(real, p.store) {
		return hint.Add(fmt.Errorf("the link %s leads to %s, out of the store", source, real), copyPart)
	}
	for _, t := range p.trees {
		if t.at == real || below(t.at, real) {
			return hint.Add(fmt.Errorf("the link %s leads to %s, which it is in: there is no end to such a copy", source, real), copyPart)
		}
	}
	return p.addTree(name, real)
}

// relink tells whether a link leads nowhere but through the tree, and what its text
// is in a copy then: the same, or the same place relative to the link.
func (t tree) relink(source, target string) (link string, stays bool) {
	link = target
	if filepath.IsAbs(target) {
		var err error
		if link, err = filepath.Rel(filepath.Dir(source), target); err != nil || filepath.Clean(target) != target {
			return "", false
		}
	}
	return link, t.contains(filepath.Dir(source), target)
}

// mostLinks is how many links may be followed for one, as on Linux.
const mostLinks = 40

// contains walks from a directory of the tree along a link's text, and along the
// text of each link on the way. It is true for names in the tree that do not exist.
func (t tree) contains(at, text string) bool {
	for links := 0; text != ""; {
		var name string
		if filepath.IsAbs(text) {
			if text != t.root && !below(text, t.root) {
				return false
			}
			at, text = t.root, strings.TrimPrefix(text, t.root)
		}
		name, text, _ = strings.Cut(strings.TrimLeft(text, "/"), "/")
		at = filepath.Join(at, name)
		if at != t.root && !below(at, t.root) {
			return false
		}
		if target, err := os.Readlink(at); err == nil {
			if links++; links > mostLinks {
				return false
			}
			at, text = filepath.Dir(at), target+"/"+text
		}
	}
	return true
}

func below(p, dir string) bool { return strings.HasPrefix(p, dir+"/") }
