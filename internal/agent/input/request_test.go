package input

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadLineWaitsForOneWithAWord(t *testing.T) {
	lines := bufio.NewReader(strings.NewReader("\n\n\"a\"\n\n\"b"))
	var word string
	if err := ReadLine(lines, &word); err != nil || word != "a" {
		t.Errorf("%q, %v", word, err)
	}
	if err := ReadLine(lines, &word); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a line: %q, %v", word, err)
	}
}
