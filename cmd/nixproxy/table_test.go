package main

import (
	"bytes"
	"testing"
)

// Whoever makes a root in a volume names it.
func TestNoCellSteersTheTerminal(t *testing.T) {
	var to bytes.Buffer
	err := printTable(&to, []string{"NAME", "SIZE"}, [][]string{{"a\x1b[2Jb\nc", "1"}, {"é", "2"}})
	if want := "NAME      SIZE\na?[2Jb?c  1\né         2\n"; to.String() != want || err != nil {
		t.Errorf("%q, %v", to.String(), err)
	}
}

// A Mac gives directories decomposed, and some letters take two columns.
func TestColumnsAreThoseOfTheTerminal(t *testing.T) {
	var to bytes.Buffer
	err := printTable(&to, nil, [][]string{{"日本語", "1"}, {"e\u0301te\u0301", "2"}, {"abcdef", "3"}})
	if want := "日本語  1\ne\u0301te\u0301     2\nabcdef  3\n"; to.String() != want || err != nil {
		t.Errorf("%q, %v", to.String(), err)
	}
}
