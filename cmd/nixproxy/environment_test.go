package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEnvironmentOfNamedVariables(t *testing.T) {
	caller := []string{"HOME=/home/me", "EMPTY=", "LINES=a\nb=c"}
	for _, test := range []struct{ named, want []string }{
		{nil, nil},
		{[]string{"A=b", "HOME", "C="}, []string{"A=b", "HOME=/home/me", "C="}},
		{[]string{"EMPTY", "UNSET", "HOM"}, []string{"EMPTY="}},
		{[]string{"A=b=c", "LINES"}, []string{"A=b=c", "LINES=a\nb=c"}},
		{[]string{"A=1", "A=2"}, []string{"A=1", "A=2"}},
	} {
		if got, err := environment(caller, nil, test.named); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, %v; want %q", test.named, got, err, test.want)
		}
	}
	for _, bad := range []string{"", "=", "=hidden", "A\x00B", "A=hidden\x00"} {
		if got, err := environment(caller, nil, []string{bad}); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q gives %q, %v", bad, got, err)
		}
	}
}

func TestEnvironmentThatPassesByItself(t *testing.T) {
	pass := []string{
		"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=", "LANG=de_DE.UTF-8", "LC_ALL=C", "LC_TERMINAL=x", "TZ=:Europe/Berlin",
		"http_proxy=http://u:p@proxy:1", "https_proxy=a", "ftp_proxy=b", "all_proxy=c", "no_proxy=d,e",
		"HTTP_PROXY=f", "HTTPS_PROXY=g", "FTP_PROXY=h", "ALL_PROXY=i", "NO_PROXY=j",
	}
	stay := []string{"PATH=/x", "HOME=/y", "TERMINFO=z", "LANGUAGE=de", "LCX=1", "Http_Proxy=2", "NIXPROXY_ENV=A=b", "NIXPROXY_HOST=3", "NIX_CONFIG=x = y", "SSH_AUTH_SOCK=4", "XTERM=5"}
	got, err := environment(slices.Concat(stay, pass, stay), nil, nil)
	if err != nil || !slices.Equal(got, pass) {
		t.Errorf("got %q, %v", got, err)
	}
	got, _ = environment([]string{"LC_CTYPE=UTF-8", "LANG=UTF-8", "TZ=UTF-8"}, nil, nil)
	if want := []string{"LC_CTYPE=C.UTF-8", "LANG=C.UTF-8", "TZ=UTF-8"}; !slices.Equal(got, want) {
		t.Errorf("a Mac's locale is %q", got)
	}
}

func TestHelpTellsWhatPassesByItself(t *testing.T) {
	for _, p := range passings() {
		for _, name := range p.names {
			if !strings.Contains(strings.ToLower(runLong), strings.ToLower(name)) || p.why == "" {
				t.Errorf("%s is not in run's help, or there is no reason for it", name)
			}
		}
	}
}

func TestEnvironmentOfFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(content string) string {
		f, err := os.CreateTemp(dir, "env")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(content); err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	caller := []string{"HERE=mine", "TERM=xterm"}
	for content, want := range map[string][]string{
		"":                       nil,
		"A=b":                    {"A=b"},
		"A=b\nHERE\nUNSET\n":     {"A=b", "HERE=mine"},
		"# c\n\n \t# d\r\n A=b":  {"A=b"},
		"A=b # no comment\r\n":   {"A=b # no comment"},
		"A= \"as it stands' \t ": {"A= \"as it stands' \t "},
		"\ufeffA=b=c\nA=":        {"A=b=c", "A="},
		"NIX_CONFIG=a = b":       {"NIX_CONFIG=a = b"},
	} {
		got, err := environment(caller, []string{file(content)}, nil)
		if want := append([]string{"TERM=xterm"}, want...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v", content, got, err)
		}
	}
	got, err := environment(caller, []string{file("TERM=file\nA=1"), file("A=2")}, []string{"A=3"})
	if want := []string{"TERM=xterm", "TERM=file", "A=1", "A=2", "A=3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("in turn: %q, %v", got, err)
	}
	for content, says := range map[string]string{
		"A=b\n\n=hidden\n":   `line 3: "" names no variable`,
		"export A=hidden":    "line 1: there are blanks in the variable's name",
		"A\u00a0B=hidden":    "line 1: there are blanks",
		"HERE \n":            "line 1: there are blanks",
		"A=hidden\n\x00=x\n": `line 2: "\x00" names no variable`,
		"A=hidden\xff":       "its text is not UTF-8",
	} {
		path := file(content)
		_, err := environment(caller, []string{path}, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "reading --env-file "+path+": "+says) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := environment(nil, []string{filepath.Join(dir, "none")}, nil); err == nil || !strings.Contains(err.Error(), dir+"/none: no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
}
