package main

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
)

// All commands speak in one voice, fit a terminal of 80 columns, and do not bury
// what they say under the flags that all of them have.
func TestHelp(t *testing.T) {
	eachCommand(newRoot(newApp(strings.NewReader(""), os.Stdout, os.Stderr)), func(c *cobra.Command) {
		path := c.CommandPath()
		if strings.HasPrefix(path, "nixproxy completion ") {
			return // cobra's own, with commands to copy
		}
		if first := rune(c.Short[0]); !unicode.IsLower(first) && path != "nixproxy" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s is no phrase: %q", path, c.Short)
		}
		if first := rune(c.Long[0]); !unicode.IsUpper(first) && path != "nixproxy" {
			t.Errorf("%s begins no sentence: %q", path, c.Long)
		}
		c.InitDefaultHelpFlag()
		help := c.Long + "\n" + c.UsageString()
		for line := range strings.Lines(help) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
				t.Errorf("%s has a line of %d columns: %s", path, n, line)
			}
		}
		if strings.Contains(help, "[=true") { // pflag 1.1.0 writes --yes[=true|false]
			t.Errorf("%s: a switch is to be listed by its name alone:\n%s", path, help)
		}
		if all := strings.Contains(help, "--transport"); all != (path == "nixproxy") || all == strings.Contains(help, "`nixproxy --help` lists the flags that all commands have.") {
			t.Errorf("%s: the flags of all commands are to be listed once:\n%s", path, help)
		}
	})
}
