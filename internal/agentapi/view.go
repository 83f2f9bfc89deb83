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

// A View is a path and some names below it. The host and the agent look at the
// same ones, to find out whether a mount shows what it should.
type View struct {
	Path  string   `json:"path"`
	Names []string `json:"names"`
}

// Facts that are no description of what is there.
const (
	Nothing   = "nothing"
	Denied    = "denied"
	Unknown   = "unknown"           // an error of another kind, or what looks different on each system
	Deleted   = "deleted directory" // it lives on where it is mounted
	directory = "directory"
)

// small bounds the files of which the content counts.
const small = 64 << 10

// Facts describes what is at the path and at each of the names, in the same words
// on each system.
func (v View) Facts() []string {
	itself := fact(describe(v.Path))
	if itself == directory {
		itself = fact(describeWhole(v.Path))
	}
	facts := []string{itself}
	for _, name := range v.Names {
		facts = append(facts, fact(describe(filepath.Join(v.Path, name))))
	}
	return facts
}

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

// describeWhole tells of a directory whether there is anything in it.
func describeWhole(path string) (string, error) {
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

// IsDeleted tells whether a directory was removed, and lives on as long as it is
// mounted: whoever makes another one by its name sees that one, and we do not.
// Only Linux can tell.
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
