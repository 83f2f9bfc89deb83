package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// faults looks at what nixproxy itself keeps in a volume: stamps, roots of
// images, the host key, and what was interrupted has left.
type faults struct {
	volume layout.Volume
	graph  nixstore.Graph                 // as it was some time ago
	reread func() (nixstore.Graph, error) // as it is
	repair bool

	found     []agentapi.Fault
	leftovers []string
}

// Faults finds what is wrong in a volume beside its store paths, and the files that
// were left by what was interrupted. With repair it repairs what it can, and removes
// the leftovers. reread returns the graph of this moment: graph may be older.
func Faults(v layout.Volume, graph nixstore.Graph, reread func() (nixstore.Graph, error), repair bool) (found []agentapi.Fault, leftovers []string, err error) {
	f := faults{volume: v, graph: graph, reread: reread, repair: repair}
	err = f.find()
	return f.found, f.leftovers, err
}

func (f *faults) find() error {
	f.found, f.leftovers = []agentapi.Fault{}, []string{}
	identities, err := f.volume.Stamped()
	for _, identity := range identities {
		err = errors.Join(err, f.checkStamp(identity))
	}
	return errors.Join(err, f.checkHostKey(), f.findLeftovers())
}

// note keeps a fault; what mends it is done if that is wanted.
func (f *faults) add(fault agentapi.Fault, mend func() error) error {
	if f.repair {
		if err := mend(); err != nil {
			return fmt.Errorf("mending that %s: %w", fault.Problem, err)
		}
		fault.Repaired = true
	}
	f.found = append(f.found, fault)
	return nil
}

// stamp looks at an image's. One that says what is not so is removed, as without
// it the image's store is copied again. Others go on meanwhile: an image that is
// dropped loses its stamp first, and one that is brought has it last.
func (f *faults) checkStamp(identity string) error {
	var fault agentapi.Fault
	s, err := f.volume.Stamp(identity)
	if errors.Is(err, os.ErrNotExist) {
		fault = agentapi.Fault{Problem: "the stamp of image " + identity + " is damaged", Image: identity}
	} else if err == nil {
		fault, err = f.compareStamp(s)
	}
	if fault.Problem == "" {
		return err
	}
	file := f.volume.StampFile(identity)
	if _, err := os.Lstat(file); errors.Is(err, os.ErrNotExist) {
		return nil // it was dropped meanwhile
	}
	if fault.Image == "" {
		return f.add(fault, func() error { return f.volume.RootImage(s) })
	}
	return f.add(fault, func() error { return os.Remove(file) })
}

// lost finds what an image should have and has not: a valid path, or its root.
func (f *faults) compareStamp(s agentapi.Stamp) (fault agentapi.Fault, err error) {
	for name, path := range layout.RootsOf(s) {
		valid, err := f.valid(nixstore.Path(path))
		if err != nil {
			return fault, err
		}
		if !valid {
			return agentapi.Fault{Problem: fmt.Sprintf("%s of image %s is not in the store any more", path, s.Reference), Image: s.Identity}, nil
		}
		if target, _ := os.Readlink(filepath.Join(f.volume.ImageRoots(s.Identity), name)); target != path {
			fault = agentapi.Fault{Problem: fmt.Sprintf("image %s has no root for its %s", s.Reference, name)}
		}
	}
	return fault, nil
}

// valid looks once more for what was not there: it may have come since.
func (f *faults) valid(path nixstore.Path) (bool, error) {
	if _, valid := f.graph[path]; valid {
		return true, nil
	}
	graph, err := f.reread()
	if err != nil {
		return false, err
	}
	f.graph = graph
	_, valid := graph[path]
	return valid, nil
}

// hostKey may be missing, as the first agent makes it.
func (f *faults) checkHostKey() error {
	file := f.volume.Own("hostkey")
	info, err := os.Lstat(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if f.volume.Damage() != "" {
		return f.add(agentapi.Fault{Problem: "the agents' host key cannot be read (the next agent makes a new one; `nixproxy stop` ends those that have the old one)"}, func() error { return os.Remove(file) })
	}
	if info.Mode().Perm() != 0o600 {
		return f.add(agentapi.Fault{Problem: fmt.Sprintf("the agents' host key has mode %o, not 600", info.Mode().Perm())}, func() error { return os.Chmod(file, 0o600) })
	}
	return nil
}

// abandoned is the age at which a file that is written beside another one is no
// longer being written.
const abandoned = time.Hour

// strays finds what a kill left of files and links that were to be renamed.
func (f *faults) findLeftovers() error {
	old := time.Now().Add(-abandoned)
	var all error
	for _, dir := range []string{f.volume.Own(), f.volume.State("gcroots/nixproxy")} {
		all = errors.Join(all, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // links come and go
			case path == f.volume.Home():
				return fs.SkipDir
			case !strings.HasPrefix(d.Name(), ".new") && path != repairDir(f.volume):
				return nil
			}
			if info, err := d.Info(); err == nil && info.ModTime().Before(old) {
				return f.addLeftover(path, d)
			}
			return nil
		}))
	}
	return all
}

func (f *faults) addLeftover(path string, d fs.DirEntry) error {
	f.leftovers = append(f.leftovers, f.volume.Inside(path))
	if !f.repair {
		return nil
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}
