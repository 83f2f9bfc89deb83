package agentapi

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A View is a path and some names below it. The host and the agent describe the same View,
// to find out whether a mount shows the host's directory.
type View struct {
	Path  string   `json:"path"`
	Names []string `json:"names"`
}

// Facts that do not describe a file.
const (
	Nothing   = "nothing"
	Denied    = "denied"
	Unknown   = "unknown"           // another error, or a kind of file that each system describes differently
	Deleted   = "deleted directory" // the mount keeps it alive
	directory = "directory"
)

// small is the largest size in bytes of a file whose content is described too.
const small = 64 << 10

// Facts describes the files at the path and at each of the names, in the same words on
// every system.
func (v View) Facts() []string {
	itself := fact(describe(v.Path))
	if itself == directory {
		itself = fact(describeDir(v.Path))
	}
	facts := []string{itself}
	for _, name := range v.Names {
		facts = append(facts, fact(describe(filepath.Join(v.Path, name))))
	}
	return facts
}

// fact returns a description, or the fact for an error.
func fact(description string, err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return Nothing
	case errors.Is(err, os.ErrPermission): // EPERM and EACCES
		return Denied
	case err != nil:
		return Unknown
	}
	return description
}

func describe(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	switch {
	case info.IsDir():
		return directory, nil
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return fmt.Sprintf("link to %q", target), err
	case info.Mode().IsRegular() && info.Size() <= small:
		hash, err := hashOf(path)
		return fmt.Sprintf("file of %d bytes, %s", info.Size(), hash), err
	case info.Mode().IsRegular():
		return fmt.Sprintf("file of %d bytes", info.Size()), nil
	}
	return Unknown, nil
}

func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, io.LimitReader(f, small))
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), err
}

// describeDir describes a directory: deleted, empty, or neither.
func describeDir(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if isDeleted(f) {
		return Deleted, nil
	}
	if _, err = f.Readdirnames(1); errors.Is(err, io.EOF) {
		return "empty directory", nil
	}
	return directory, err
}

// IsDeleted tells whether a directory was removed, and exists only because it is mounted:
// a new directory of the same name is not visible here. It works on Linux only.
func IsDeleted(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return isDeleted(f)
}

func isDeleted(dir *os.File) bool {
	const mark = " (deleted)" // d_path in the kernel's fs/d_path.c
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()))
	return err == nil && strings.HasSuffix(path, mark) && !strings.HasSuffix(dir.Name(), mark)
}
