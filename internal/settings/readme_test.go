package settings

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the README's table of settings anew")

const (
	readme     = "../../README.md"
	tableBegin = "<!-- settings: written by `make settings-table` -->\n"
	tableEnd   = "<!-- end of settings -->\n"
)

// The README's table is made from the settings, so that it cannot say anything else.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegin)
	has, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s lacks the lines %q and %q", readme, tableBegin, tableEnd)
	}
	want := markdown(Table())
	if has == want {
		return
	}
	if !*update {
		t.Fatalf("%s has another table of settings: run `make settings-table`", readme)
	}
	if err := os.WriteFile(readme, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func markdown(rows []Setting) string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | what it is |\n|---|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", flagCell(row), code(row.Env), code(row.Default), docCell(row))
	}
	return b.String()
}

func flagCell(row Setting) string {
	long := "--" + row.Flag
	if row.Meta != "" {
		long += " " + row.Meta
	}
	if row.Short == "" {
		return code(long)
	}
	return code("-"+row.Short) + " " + code(long)
}

func docCell(row Setting) string {
	doc := strings.NewReplacer("|", `\|`, "<", `\<`).Replace(row.Doc)
	if row.Scope == Run {
		doc = "run, shell: " + doc
	}
	return doc
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
