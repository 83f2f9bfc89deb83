package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// A passing is a kind of variable that every command inside gets, because its meaning
// does not depend on the machine. All other variables, nixproxy's own settings included,
// need -e or --env-file.
type passing struct {
	names []string // as path.Match reads them
	why   string
}

func passings() []passing {
	return []passing{
		{[]string{"TERM", "COLORTERM", "NO_COLOR"}, "what the caller's terminal can show, and whether colours are wanted"},
		{[]string{"LANG", "LC_*"}, "the language of messages, the order of sorting, the form of numbers"},
		{[]string{"TZ"}, "the caller's time zone"},
		{[]string{"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"}, "how downloads leave the caller's network"},
		{[]string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"}, "the same, as other programs read it"},
	}
}

func passes(name string) bool {
	for _, p := range passings() {
		for _, pattern := range p.names {
			if match, _ := path.Match(pattern, name); match {
				return true
			}
		}
	}
	return false
}

// environment returns the variables that the command gets from the caller. Later ones
// override earlier ones: first those that always pass, then those of the files, then
// those named one by one.
func environment(caller, files, named []string) ([]string, error) {
	env := passed(caller)
	for _, file := range files {
		variables, err := readEnvFile(file, caller)
		if err != nil {
			return nil, err
		}
		env = append(env, variables...)
	}
	for _, variable := range named {
		complete, err := completed(variable, caller)
		if err != nil {
			return nil, hint.Add(fmt.Errorf("--env %w", err), "write NAME or NAME=VALUE")
		}
		env = append(env, complete...)
	}
	return env, nil
}

func passed(caller []string) []string {
	var env []string
	for _, variable := range caller {
		if name, value, _ := strings.Cut(variable, "="); passes(name) {
			env = append(env, name+"="+onLinux(name, value))
		}
	}
	return env
}

// onLinux returns a variable's value for Linux. A Mac's Terminal sets LC_CTYPE=UTF-8,
// which is not a locale on Linux: programs would warn, and use ASCII.
func onLinux(name, value string) string {
	if value == "UTF-8" && (name == "LANG" || strings.HasPrefix(name, "LC_")) {
		return "C.UTF-8"
	}
	return value
}

// completed turns NAME into NAME=VALUE with the caller's value, and returns nothing for a
// variable that the caller does not have. The error is part of a sentence.
func completed(variable string, caller []string) ([]string, error) {
	name, _, given := strings.Cut(variable, "=")
	if name == "" || strings.ContainsRune(variable, 0) {
		return nil, fmt.Errorf("%q names no variable", name)
	}
	if given {
		return []string{variable}, nil
	}
	for _, theirs := range caller {
		if strings.HasPrefix(theirs, name+"=") {
			return []string{theirs}, nil
		}
	}
	return nil, nil
}

// readEnvFile reads a file in docker's format: NAME=VALUE or NAME on each line, the value
// taken literally, comments only on lines that start with #.
func readEnvFile(file string, caller []string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("reading --env-file: %w", err), "name a file that can be read")
	}
	if !utf8.Valid(content) {
		return nil, hint.Add(fmt.Errorf("reading --env-file %s: its text is not UTF-8", file), "save it as UTF-8")
	}
	var env []string
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(content), "\ufeff")) {
		number++
		line = strings.TrimLeftFunc(strings.TrimRight(line, "\r\n"), unicode.IsSpace)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		variables, err := envFileLine(line, caller)
		if err != nil {
			return nil, hint.Add(fmt.Errorf("reading --env-file %s: line %d: %w", file, number, err), "write NAME or NAME=VALUE")
		}
		env = append(env, variables...)
	}
	return env, nil
}

func envFileLine(line string, caller []string) ([]string, error) {
	name, _, _ := strings.Cut(line, "=")
	if strings.ContainsFunc(name, unicode.IsSpace) {
		return nil, errors.New("there are blanks in the variable's name")
	}
	return completed(line, caller)
}
