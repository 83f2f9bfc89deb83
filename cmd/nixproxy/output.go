package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nixproxy/nixproxy/internal/filetree"
	"github.com/nixproxy/nixproxy/internal/hint"
)

func outputFlag(c *cobra.Command, file *string) {
	c.Flags().StringVarP(file, "output", "o", "", "write to `FILE` instead of standard output")
}

// output writes an archive to standard output or to a file. The file is replaced only
// when the archive is complete.
func (a *app) output(file string, write func(io.Writer) error) error {
	if file == "" || file == "-" {
		if term.IsTerminal(int(a.out.Fd())) {
			return hint.Add(errors.New("an archive is not for a terminal"), "name a file with -o, or redirect")
		}
		return write(a.out)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return hint.Add(fmt.Errorf("%s is a directory", file), "name a file in it")
	} else if err == nil && !info.Mode().IsRegular() {
		return writeInto(file, write)
	}
	return filetree.Write(file, write)
}

// writeInto writes to a device or a pipe.
func writeInto(file string, write func(io.Writer) error) error {
	out, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(out), out.Close())
}
