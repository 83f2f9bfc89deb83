package settings

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestTable(t *testing.T) {
	seen := map[string]string{}
	for _, row := range Table() {
		for _, name := range []string{"--" + row.Flag, "-" + row.Short, row.Env, "key " + row.Key} {
			if name == "--" || name == "" || name == "key " {
				t.Errorf("%+v: a name is missing", row)
			}
			if other, taken := seen[name]; taken && name != "-" {
				t.Errorf("--%s and --%s are both %s", row.Flag, other, name)
			}
			seen[name] = row.Flag
		}
		if want := "NIXPROXY_" + strings.ToUpper(strings.ReplaceAll(row.Flag, "-", "_")); row.Env != want {
			t.Errorf("--%s: variable %s, want %s", row.Flag, row.Env, want)
		}
		if row.Doc == "" || strings.HasSuffix(row.Doc, ".") || strings.Contains(row.Doc, "`") {
			t.Errorf("--%s: doc %q", row.Flag, row.Doc)
		}
		for _, choice := range row.Choices {
			if !strings.Contains(row.Doc, choice) {
				t.Errorf("--%s: the doc does not tell of %s", row.Flag, choice)
			}
		}
	}
}

func TestHelp(t *testing.T) {
	help := bound(&Settings{}).FlagUsagesWrapped(80)
	for _, line := range strings.Split(help, "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	words := strings.Join(strings.Fields(help), " ")
	for _, want := range []string{"-H, --host URL", "--image REF", "-e, --env K[=V]", "(default missing) [$NIXPROXY_PULL]", "-q, --quiet say"} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in\n%s", want, help)
		}
	}
}

func TestScopes(t *testing.T) {
	flags := pflag.NewFlagSet("x", pflag.ContinueOnError)
	Bind(flags, &Settings{}, Global)
	if flags.Lookup("env") != nil || flags.Lookup("host") == nil {
		t.Error("the global scope is not what every command has")
	}
}

func TestResolve(t *testing.T) {
	var s Settings
	origins, err := resolve(&s, "--image=a -e A=1,2 -e B -q --progress plain", "NIXPROXY_IMAGE=b", "NIXPROXY_PULL=never",
		"NIXPROXY_DEBUG=1", "NIXPROXY_QUIET=false", "NIXPROXY_ENV=C=3", "NIXPROXY_STATE=", "NIXPROXY_PLATFORM=aarch64")
	if err != nil {
		t.Fatal(err)
	}
	if s.Image != "a" || s.Pull != "never" || s.Progress != "plain" || !s.Debug || !s.Quiet || s.State != "" || s.Platform != "linux/arm64" {
		t.Errorf("got %+v", s)
	}
	if want := []string{"A=1,2", "B"}; !slices.Equal(s.Env, want) {
		t.Errorf("env %q, want %q", s.Env, want)
	}
	for flag, want := range map[string]string{"image": "flag", "pull": "environment (NIXPROXY_PULL)", "state": "default", "env": "flag"} {
		if got := origins[flag].String(); got != want {
			t.Errorf("%s comes from %s, want %s", flag, got, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	var s Settings
	origins, err := resolve(&s, "")
	if err != nil || s.Pull != "missing" || s.Progress != "auto" || s.Image != "" || s.Env != nil {
		t.Errorf("got %+v, %v", s, err)
	}
	if len(origins) != len(Table()) {
		t.Errorf("%d origins of %d settings", len(origins), len(Table()))
	}
}

func TestListFromEnvironment(t *testing.T) {
	var s Settings
	if _, err := resolve(&s, "", "NIXPROXY_ENV=A=1,2\nB\n\nC=x y\n"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"A=1,2", "B", "C=x y"}; !slices.Equal(s.Env, want) {
		t.Errorf("got %q, want %q", s.Env, want)
	}
}

func TestBadValues(t *testing.T) {
	for _, test := range []struct{ args, env, want string }{
		{"--pull=sometimes", "", `"--pull" flag: it is one of missing, always, never`},
		{"--progress=", "", "it is one of auto, tty"},
		{"-e =x", "", "it is written NAME or NAME=VALUE"},
		{"--platform linux", "", "it is not a Linux platform"},
		{"--platform darwin/arm64", "", "such as linux/amd64, linux/arm64, x86_64 or aarch64"},
		{"--quiet=maybe", "", "it is one of 1, 0, true, false"},
		{"", "NIXPROXY_PULL=sometimes", `environment variable NIXPROXY_PULL="sometimes": it is one of missing, always, never`},
		{"", "NIXPROXY_DEBUG=yes", `environment variable NIXPROXY_DEBUG="yes": it is one of 1, 0, true, false`},
		{"", "NIXPROXY_ENV=A=1\n=2", "environment variable NIXPROXY_ENV, line 2: it is written NAME or NAME=VALUE"},
		{"--host a --context b", "", "both a host and a context are given (--host, --context)\nhint: give one of them"},
		{"-t -T", "", "both a terminal and none are asked for (--tty, --no-tty)\nhint: give one of them"},
	} {
		_, err := resolve(&Settings{}, test.args, test.env)
		if err == nil || !strings.Contains(hint.Text(err), test.want) {
			t.Errorf("%q %q: error %v, want %q", test.args, test.env, err, test.want)
		}
	}
}

func TestHostOrContext(t *testing.T) {
	var s Settings
	origins, err := resolve(&s, "--context c", "NIXPROXY_HOST=h")
	if err != nil || s.Host != "" || s.Context != "c" || origins["host"] != (Origin{}) {
		t.Errorf("a flag for the one beats the variable for the other: %+v, %v", s, err)
	}
	if _, err = resolve(&Settings{}, "", "NIXPROXY_HOST=h", "NIXPROXY_CONTEXT=c"); err == nil {
		t.Error("both in the environment is no error")
	}
}

func TestTerminalOrNone(t *testing.T) {
	for _, test := range []struct {
		args, env string
		tty, none bool
	}{
		{"-t", "NIXPROXY_NO_TTY=1", true, false},
		{"-T", "NIXPROXY_TTY=1", false, true},
		{"--tty=false", "NIXPROXY_TTY=1", false, false},
		{"-T --tty=false", "", false, true},
	} {
		var s Settings
		if _, err := resolve(&s, test.args, test.env); err != nil || s.TTY != test.tty || s.NoTTY != test.none {
			t.Errorf("%s over %s: tty %v, no tty %v, %v", test.args, test.env, s.TTY, s.NoTTY, err)
		}
	}
	if _, err := resolve(&Settings{}, "", "NIXPROXY_TTY=1", "NIXPROXY_NO_TTY=1"); err == nil {
		t.Error("both in the environment is no error")
	}
}

func bound(s *Settings) *pflag.FlagSet {
	flags := pflag.NewFlagSet("x", pflag.ContinueOnError)
	flags.SortFlags = false
	Bind(flags, s, Global)
	Bind(flags, s, Run)
	return flags
}

func resolve(s *Settings, args string, env ...string) (Origins, error) {
	flags := bound(s)
	if err := flags.Parse(strings.Fields(args)); err != nil {
		return nil, err
	}
	return Resolve(flags, s, func(name string) (string, bool) {
		for _, v := range env {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value, true
			}
		}
		return "", false
	})
}

// A script or a saved ssh configuration may have a choice by the name it had before.
func TestRenamedChoices(t *testing.T) {
	for _, test := range []struct {
		args    []string
		env     string
		value   string
		warning string
	}{
		{args: []string{"--transport", "bridge"}, value: "exec", warning: "--transport bridge is called exec now"},
		{env: "bridge", value: "exec", warning: "NIXPROXY_TRANSPORT=bridge is called exec now"},
		{args: []string{"--transport", "port"}, env: "bridge", value: "port"},
		{args: []string{"--transport", "bridge", "--transport", "exec"}, value: "exec"},
		{args: []string{"--transport", "exec"}, value: "exec"},
	} {
		var s Settings
		flags := bound(&s)
		if err := flags.Parse(test.args); err != nil {
			t.Fatal(err)
		}
		_, err := Resolve(flags, &s, func(name string) (string, bool) {
			if name != "NIXPROXY_TRANSPORT" {
				return "", false
			}
			return test.env, true
		})
		if got := strings.Join(Warnings(flags), "\n"); err != nil || s.Transport != test.value || got != test.warning {
			t.Errorf("%+v: %s, warned %q, %v", test, s.Transport, got, err)
		}
	}
}
