package proxy

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/session"
)

func TestLines(t *testing.T) {
	for name, test := range map[string]struct {
		pieces []string
		exit   session.Exit
		told   []string
		err    string
	}{
		"nothing":                    {nil, session.Exit{}, nil, ""},
		"all of a success":           {[]string{"a\nb", "c\n", "\nd"}, session.Exit{}, []string{"a", "bc", "d"}, ""},
		"all but the last":           {[]string{"a\nb\n"}, session.Exit{Status: 1}, []string{"a"}, "b"},
		"a last line without an end": {[]string{"a\nb"}, session.Exit{Status: 1}, []string{"a"}, "b"},
		"one line":                   {[]string{"a\n"}, session.Exit{Status: 3}, nil, "a"},
		"no line":                    {[]string{" \n"}, session.Exit{Status: 3}, nil, "it ended with status 3 in the proxy container, and said nothing"},
		"a signal":                   {nil, session.Exit{Signal: 9}, nil, "it was ended by signal 9 in the proxy container"},
	} {
		var told []string
		l := &lines{say: func(line string) { told = append(told, line) }}
		for _, p := range test.pieces {
			_, _ = l.Write([]byte(p))
		}
		err := l.end(test.exit)
		if err != nil && err.Error() != test.err || err == nil && test.err != "" || !slices.Equal(told, test.told) {
			t.Errorf("%s: told %q, %v", name, told, err)
		}
	}
}

func TestALineWithoutEndIsNotCollected(t *testing.T) {
	l := &lines{say: func(line string) { t.Errorf("told %.20q", line) }}
	for range 100 {
		_, _ = l.Write([]byte(strings.Repeat("\rstill at it", nixstore.TailSize/10)))
	}
	if len(l.partial) != nixstore.TailSize {
		t.Errorf("%d bytes are kept", len(l.partial))
	}
	_, _ = l.Write([]byte("\rerror: at last"))
	if err := l.end(session.Exit{Status: 1}); err == nil || !strings.HasSuffix(err.Error(), "error: at last") {
		t.Errorf("%v", err)
	}
}
