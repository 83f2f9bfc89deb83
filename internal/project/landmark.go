package project

import (
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

const (
	mostRead  = 64 // entries of a directory that are read
	landmarks = 8  // of those at most
)

// Landmarks returns names below a directory by which it can be recognised: files, for they
// have a content, else directories and links. A file and an empty directory have none.
func Landmarks(path string) []string {
	dir, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(mostRead) // a file has none
	var files, others []string
	if info, err := os.Lstat(filepath.Join(path, ".git/HEAD")); err == nil && info.Mode().IsRegular() {
		files = append(files, ".git/HEAD")
	}
	for _, e := range entries {
		switch {
		case !utf8.ValidString(e.Name()):
		case e.Type().IsRegular():
			files = append(files, e.Name())
		case e.IsDir(), e.Type()&fs.ModeSymlink != 0: // sockets and the like look different in a virtual machine
			others = append(others, e.Name())
		}
	}
	if len(files) > 0 {
		others = files
	}
	return others[:min(len(others), landmarks)]
}
