package filetree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// A Destination is where a copy goes, by the rules of cp.
type Destination struct {
	Path string // its own name
	over bool   // a file exists there, which another file may replace
	dir  bool   // it ends with a slash
}

// FindDestination reads dest as cp does: in a directory that exists, the copy keeps
// its name; else dest is the copy's name, in a directory that must exist. A
// directory never replaces anything, as it could not be merged in one step.
func FindDestination(dest, name string) (Destination, error) {
	info, err := os.Stat(dest)
	if err == nil && info.IsDir() {
		dest = filepath.Join(dest, name)
		info, err = os.Stat(dest)
	}
	switch {
	case err == nil && info.IsDir():
		return Destination{}, hint.Add(fmt.Errorf("there is a directory %s already", dest), "remove it, or name another DEST")
	case err == nil && !info.Mode().IsRegular():
		return Destination{}, hint.Add(fmt.Errorf("%s is neither a file nor a directory", dest), "name another DEST")
	case err == nil:
		real, err := filepath.EvalSymlinks(dest) // through a link, as cp
		return Destination{Path: real, over: true}, err
	case !errors.Is(err, fs.ErrNotExist):
		return Destination{}, err
	}
	return Destination{Path: filepath.Clean(dest), dir: strings.HasSuffix(dest, "/")}, checkFree(dest, "DEST")
}

// Unpack puts what Pack writes at the destination, all of it or nothing, once send
// has returned without an error. It removes what killed copies have left there.
// Tell is called with the bytes so far, and all that there will be.
func (d Destination) Unpack(send func(to io.Writer) error, tell func(done, total int64)) error {
	dir, remove, err := makeTemp(filepath.Dir(d.Path))
	if err != nil {
		return err
	}
	defer remove()
	in, out := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := send(out)
		out.CloseWithError(err)
		sent <- err
	}()
	if err = unpack(in, dir, tell); err == nil {
		_, err = io.Copy(io.Discard, in) // the tar's padding, and the error that ended it
	}
	in.CloseWithError(errStopped)
	if sendErr := <-sent; sendErr != nil && !errors.Is(sendErr, errStopped) {
		return sendErr
	}
	if err != nil {
		return err
	}
	return d.moveHere(filepath.Join(dir, top))
}

// errStopped ends a send whose result is not needed any more.
var errStopped = errors.New("the copy was given up")

// moveHere gives a complete copy its name.
func (d Destination) moveHere(from string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.IsDir() && d.over {
		return hint.Add(fmt.Errorf("%s is a file, and a directory is copied", d.Path), "remove it, or name another DEST")
	}
	if !info.IsDir() && d.dir {
		return hint.Add(fmt.Errorf("there is no directory %s to copy a file into", d.Path), "make it first")
	}
	return os.Rename(from, d.Path)
}
