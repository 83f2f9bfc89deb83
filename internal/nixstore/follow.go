package nixstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// A Place is a store path, or a file in one.
type Place struct {
	Path  Path
	Below string // the file in it: starts with a slash, or is empty
	Link  string // the link on this machine to the store path itself; empty: there is none
}

func (p Place) String() string { return string(p.Path) + p.Below }

// nameStorePath is the hint for a name that does not lead to a store path.
const nameStorePath = "name a store path, or a link to one such as ./result"

// maxLinks bounds the links that a name may lead through, as Linux does.
const maxLinks = 40

// Follow finds the place in the store that a name means. The name is a store path, a file
// in one, or a link such as ./result that leads there, if need be through other links. A
// relative name starts in dir. Follow does not look into the store itself: it may be on
// another machine, and links to it dangle here.
func Follow(dir, name string) (Place, error) {
	if name == "" {
		return Place{}, hint.Add(errors.New("no path is given"), nameStorePath)
	}
	rest := name
	if !filepath.IsAbs(name) {
		rest = dir + "/" + name
	}
	r := resolver{at: "/", rest: rest}
	for links := 0; !inStore(r.at); {
		if r.rest == "" {
			return Place{}, hint.Add(fmt.Errorf("%s is not in %s", name, Dir), nameStorePath)
		}
		wasLink, err := r.step()
		if wasLink {
			links++
		}
		if links > maxLinks {
			err = errors.New("there is no end to its links")
		}
		if errors.Is(err, os.ErrNotExist) {
			return Place{}, missing(rest, name, err)
		}
		if err != nil {
			return Place{}, fmt.Errorf("following %s: %w", name, err)
		}
	}
	return r.place(name)
}

// missing returns an error that names the missing file: the name itself, or the target of
// a link of that name.
func missing(file, name string, err error) error {
	what := name
	var at *fs.PathError
	if _, there := os.Lstat(file); there == nil && errors.As(err, &at) {
		what = fmt.Sprintf("%s leads to %s, which", name, at.Path)
	}
	return hint.Add(fmt.Errorf("%s does not exist", what), nameStorePath)
}

// A resolver resolves a path name by name, and follows its links.
type resolver struct {
	at   string // the part that is resolved, without a slash at its end
	rest string // the part that is not
	link string // the last link that was followed
	to   string // its target
}

// step resolves the next name.
func (r *resolver) step() (wasLink bool, err error) {
	name, rest, _ := strings.Cut(r.rest, "/")
	r.rest = rest
	next := path.Join(r.at, name)
	if name == ".." || name == "." || name == "" || inStore(next) || next == Dir || next == path.Dir(Dir) {
		r.at = next
		return false, nil
	}
	target, err := os.Readlink(next)
	if errors.Is(err, syscall.EINVAL) {
		r.at = next
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.link, r.to = next, target
	r.rest = target + "/" + r.rest
	if filepath.IsAbs(target) {
		r.at = "/"
	}
	return true, nil
}

func (r *resolver) place(name string) (Place, error) {
	full := path.Join(r.at, r.rest)
	storePath, below, err := Split(full)
	if err != nil && full != name {
		return Place{}, fmt.Errorf("%s leads to %s, which is not a store path", name, full)
	}
	if err != nil {
		return Place{}, hint.Add(err, "name one, or a link to one such as ./result")
	}
	place := Place{Path: storePath, Below: below}
	if r.to == string(storePath) {
		place.Link = r.link
	}
	return place, nil
}

// inStore reports whether a clean path is below the store's directory.
func inStore(p string) bool { return strings.HasPrefix(p, Dir+"/") }
