package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestBetween(t *testing.T) {
	c := &cobra.Command{Use: "verb"}
	for _, test := range []struct {
		least, most int
		args        string
		says        string
	}{
		{0, 0, "", ""},
		{0, 0, "a", `verb takes no arguments, and got "a"`},
		{1, 1, "", "verb needs WHAT"},
		{1, 1, "a", ""},
		{1, 1, "a b", `verb takes no more than WHAT, and got "b" too`},
		{1, -1, "", "verb needs WHAT"},
		{1, -1, "a b c", ""},
		{0, -1, "", ""},
	} {
		err := between(test.least, test.most, "WHAT")(c, strings.Fields(test.args))
		if (err == nil) != (test.says == "") || err != nil && (err.Error() != test.says || hint.Of(err) != "see `verb --help`") {
			t.Errorf("%d to %d of %q: got %v, want %q", test.least, test.most, test.args, err, test.says)
		}
	}
}

// parsed is what a command line means, without running it.
func parsed(t *testing.T, line ...string) (a *app, argv []string, err error) {
	t.Helper()
	a = newApp(strings.NewReader(""), os.Stdout, os.Stderr)
	root := newRoot(a)
	for _, c := range root.Commands() {
		c.RunE = func(_ *cobra.Command, args []string) error { argv = args; return nil }
	}
	root.SetArgs(line)
	return a, argv, root.ExecuteContext(t.Context())
}

func TestWhatFollowsTheFirstArgumentIsTheCommands(t *testing.T) {
	t.Setenv("NIXPROXY_VOLUME", "")
	for _, test := range []struct {
		line, argv string
		env        []string
		volume     string
	}{
		{"run true", "true", nil, ""},
		{"run -- nix build .#x", "nix build .#x", nil, ""},
		{"run nix --version", "nix --version", nil, ""},
		{"run -e A=b sh -e -c x", "sh -e -c x", []string{"A=b"}, ""},
		{"run --env A --env B=c env --env D", "env --env D", []string{"A", "B=c"}, ""},
		{"run ls -- -x", "ls -- -x", nil, ""},
		{"run -- -- x", "-- x", nil, ""},
		{"run -- --volume v", "--volume v", nil, ""},
		{"run nix --volume v", "nix --volume v", nil, ""},
		{"run --volume v nix -q --debug", "nix -q --debug", nil, "v"},
		{"--volume v run nix --help", "nix --help", nil, "v"},
		{"run git -h", "git -h", nil, ""},
		{"run -- run --", "run --", nil, ""},
	} {
		a, argv, err := parsed(t, strings.Fields(test.line)...)
		if err != nil || strings.Join(argv, " ") != test.argv || !slices.Equal(a.settings.Env, test.env) || a.settings.Volume != test.volume {
			t.Errorf("%s: argv %q, env %q, volume %q, %v", test.line, argv, a.settings.Env, a.settings.Volume, err)
		}
		if a.settings.Quiet || a.settings.Debug {
			t.Errorf("%s: a flag of the command was taken for ours", test.line)
		}
	}
}

// said runs nixproxy itself with nothing to speak to, and returns its status and stderr.
func said(t *testing.T, line ...string) (status int, stderr string) {
	t.Helper()
	files := [2]*os.File{}
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), "stream"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	a := newApp(strings.NewReader(""), files[0], files[1])
	status = a.run(t.Context(), line)
	content, err := os.ReadFile(files[1].Name())
	if err != nil {
		t.Fatal(err)
	}
	return status, string(content)
}

func TestWrongUsage(t *testing.T) {
	for _, test := range []struct {
		line   string
		status int
		says   string
	}{
		{"run", 125, "nixproxy run needs a command to run"},
		{"run --", 125, "nixproxy run needs a command to run"},
		{"run --no-such-flag x", 125, "unknown flag: --no-such-flag"},
		{"--no-such-flag run x", 125, "unknown flag: --no-such-flag"},
		{"--no-such-flag=x status run", 2, "unknown flag: --no-such-flag"},
		{"--no-such-flag x", 2, "unknown flag: --no-such-flag"},
		{"run -e =x true", 125, `invalid argument "=x"`},
		{"run --pull sometimes true", 125, "sometimes"},
		{"run -t -T true", 125, "both a terminal and none are asked for (--tty, --no-tty)\nnixproxy: hint: give one of them"},
		{"shell x", 125, "nixproxy shell takes no arguments"},
		{"shel", 2, "there is no command \"shel\"\nnixproxy: hint: the most similar is \"shell\""},
		{"", 2, "nixproxy needs a command"},
		{"image", 2, "nixproxy image needs a command"},
		{"image lss", 2, "there is no command \"lss\"\nnixproxy: hint: the most similar is \"ls\""},
		{"vloume ls", 2, "there is no command \"vloume\"\nnixproxy: hint: the most similar is \"volume\""},
		{"volume inspect x", 2, "nixproxy volume inspect takes no arguments, and got \"x\"\nnixproxy: hint: --volume names a volume; see `nixproxy volume inspect --help`"},
		{"sync --dry-run", 2, "nixproxy sync needs PATHs for --to-host, --no-root and --dry-run"},
		{"volume gc --keep-images x", 2, `invalid argument "x" for "--keep-images" flag: it is a whole number`},
		{"volume gc --json=x", 2, `invalid argument "x" for "--json" flag: it is one of 1, 0, true, false`},
		{"volume gc --keep-images 0", 2, "one image at least must stay"},
		{"volume gc --max-size 5q", 2, `invalid argument "5q" for "--max-size" flag: it is written like 500m or 20g`},
		{"volume gc --max-size=", 2, "it is written like 500m or 20g"},
		{"volume gc --max-size 0", 2, "it is written like 500m or 20g"},
		{"volume gc --older-than 3", 2, `invalid argument "3" for "--older-than" flag: it is written like 30d or 12h`},
		{"volume gc --older-than=", 2, "it is written like 30d or 12h"},
		{"volume gc --forget=", 2, "--forget needs a directory"},
		{"volume gc --forget-host=", 2, "--forget-host needs an ID"},
		{"image load", 2, "nixproxy image load needs one archive"},
		{"image load a b", 2, `takes no more than one archive, or - for standard input, and got "b" too`},
		{"image rm", 2, "needs at least one image"},
		{"status --no-such-flag", 2, "unknown flag"},
		{"status x", 2, "takes no arguments"},
	} {
		status, stderr := said(t, strings.Fields(test.line)...)
		if status != test.status || !strings.Contains(stderr, test.says) || !strings.HasPrefix(stderr, "nixproxy: ") || strings.Count(stderr, "\n") != 2 || !strings.Contains(stderr, "\nnixproxy: hint: ") {
			t.Errorf("%s: status %d, want %d; said %q, want %q", test.line, status, test.status, stderr, test.says)
		}
	}
}

// A calling program reads JSON to the last line, even of what was never begun.
func TestWrongUsageIsJSONWhereAskedFor(t *testing.T) {
	for name, line := range map[string]string{
		"arguments": "run --progress=json", "flags": "run --progress=json --no-such-flag", "values": "--progress=json status --pull sometimes",
	} {
		status, stderr := said(t, strings.Fields(line)...)
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		var last struct {
			Event, By string
			Status    int
		}
		for _, l := range lines {
			if err := json.Unmarshal([]byte(l), &last); err != nil {
				t.Errorf("%s: %q is not JSON: %v", name, l, err)
			}
		}
		if last.Event != "exit" || last.By != byOwn || last.Status != status || len(lines) != 2 {
			t.Errorf("%s: status %d, and %q", name, status, lines)
		}
	}
}
