package filetree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Destination is where a copy goes, by the rules of cp.
type Destination struct {
	Path string // its own name
	over bool   // a file is there, which a file may replace
	dir  bool   // it is written as a directory's name
}

// Find takes a destination as cp does: in a directory that is there a copy gets
// the name that it has, else it gets this name, in a directory that must be there.
// A directory never goes over anything, as it could not be merged in one step.
func Find(dest, name string) (Destination, error) {
	info, err := os.Stat(dest)
	if err == nil && info.IsDir() {
		dest = filepath.Join(dest, name)
		info, err = os.Stat(dest)
	}
	switch {
	case err == nil && info.IsDir():
		return Destination{}, fmt.Errorf("there is a directory %s already: remove it, or name another DEST", dest)
	case err == nil && !info.Mode().IsRegular():
		return Destination{}, fmt.Errorf("%s is neither a file nor a directory: name another DEST", dest)
	case err == nil:
		real, err := filepath.EvalSymlinks(dest) // through a link, as cp
		return Destination{Path: real, over: true}, err
	case !errors.Is(err, fs.ErrNotExist):
		return Destination{}, err
	}
	return Destination{Path: filepath.Clean(dest), dir: strings.HasSuffix(dest, "/")}, free(dest, "DEST")
}

// Unpack puts what Pack writes at the destination, once send has returned without
// an error: whole or not at all. What a killed one has left beside is removed.
func (d Destination) Unpack(send func(to io.Writer) error, tell func(done, total int64)) error {
	dir, leave, err := beside(filepath.Dir(d.Path))
	if err != nil {
		return err
	}
	defer leave()
	in, out := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := send(out)
		out.CloseWithError(err)
		sent <- err
	}()
	if err = unpack(in, dir, tell); err == nil {
		_, err = io.Copy(io.Discard, in) // what pads the tar, and how it ended
	}
	in.CloseWithError(errStopped)
	if sendErr := <-sent; sendErr != nil && !errors.Is(sendErr, errStopped) {
		return sendErr
	}
	if err != nil {
		return err
	}
	return d.take(filepath.Join(dir, top))
}

// errStopped ends a sender of what is not wanted any more.
var errStopped = errors.New("the copy was given up")

// take gives a copy its name.
func (d Destination) take(from string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.IsDir() && d.over {
		return fmt.Errorf("%s is a file, and a directory is copied: remove it, or name another DEST", d.Path)
	}
	if !info.IsDir() && d.dir {
		return fmt.Errorf("there is no directory %s to copy a file into: make it first", d.Path)
	}
	return os.Rename(from, d.Path)
}
