package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// canAsk returns an error where there is no terminal to ask on: no answer must not count
// as yes.
func (a *app) canAsk(c *cobra.Command) error {
	if in, ok := a.in.(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		return usage(c, "%w", hint.Add(errors.New("there is no terminal to ask on"), "add --yes"))
	}
	return nil
}

// confirm asks a question on the terminal, and returns an error unless the answer is yes.
func (a *app) confirm(question string) error {
	fmt.Fprintf(a.err, "nixproxy: %s [y/N] ", question)
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("nothing was removed")
	}
	return nil
}
