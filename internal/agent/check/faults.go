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

// faults checks what nixproxy itself keeps in a volume: stamps, the roots of images and
// the host key. It also finds the files that interrupted work has left.
type faults struct {
	volume layout.Volume
	graph  nixstore.Graph                 // as it was some time ago
	reread func() (nixstore.Graph, error) // returns the present graph
	repair bool

	found     []agentapi.Fault
	leftovers []string
}

// Faults finds what is wrong in a volume outside of its store, and the files that
// interrupted work has left. With repair it repairs what it can, and removes these files.
// reread returns the present graph, as graph may be older.
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

// add records a fault. If repair is requested, it repairs it first.
func (f *faults) add(fault agentapi.Fault, fix func() error) error {
	if f.repair {
		if err := fix(); err != nil {
			return fmt.Errorf("repairing that %s: %w", fault.Problem, err)
		}
		fault.Repaired = true
	}
	f.found = append(f.found, fault)
	return nil
}

// checkStamp checks the stamp of an image. A wrong one is removed: without it the image's
// store is copied again. Others work meanwhile, so the order counts: an image that is
// dropped loses its stamp first, and an image that is synced gets it last.
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

// compareStamp finds what an image should have and lacks: a valid path, or its root.
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

// valid reports whether a path is valid. It reads the graph again for a path that was
// not, as it may have been added since.
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

// checkHostKey checks the host key. It may be missing: the first agent makes it.
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

// abandoned is the age at which a file with a temporary name is no longer being written.
const abandoned = time.Hour

// findLeftovers finds the files and links that a kill has left under temporary names.
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
