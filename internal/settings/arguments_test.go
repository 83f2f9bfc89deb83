package settings

import (
	"reflect"
	"testing"

	"github.com/spf13/pflag"
)

func TestArgumentsSayTheSame(t *testing.T) {
	parse := func(args []string, variables map[string]string) (Settings, *pflag.FlagSet) {
		t.Helper()
		var s Settings
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		Bind(flags, &s, Global)
		Bind(flags, &s, Run)
		if err := flags.Parse(args); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if _, err := Resolve(flags, &s, func(name string) (string, bool) { v, ok := variables[name]; return v, ok }); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return s, flags
	}
	for _, test := range []struct {
		args      []string
		variables map[string]string
		want      []string
	}{
		{nil, nil, nil},
		{[]string{"--pull", "missing", "--debug=false"}, nil, nil},
		{[]string{"--volume", "a b", "-q", "-e", "A=b,c", "-e", "D", "--idle-timeout=0"}, nil,
			[]string{"--volume=a b", "--quiet=true", "--env=A=b,c", "--env=D", "--idle-timeout=0"}},
		{[]string{"--volume", "flag"}, map[string]string{"NIXPROXY_VOLUME": "variable", "NIXPROXY_MOUNT": "/a\n/b", "NIXPROXY_NO_MOUNT": "1"},
			[]string{"--volume=flag", "--mount=/a", "--mount=/b", "--no-mount=true"}},
	} {
		s, flags := parse(test.args, test.variables)
		args := Arguments(flags)
		if !reflect.DeepEqual(args, test.want) {
			t.Errorf("%q, %v: got %q, want %q", test.args, test.variables, args, test.want)
		}
		if again, _ := parse(args, nil); !reflect.DeepEqual(again, s) {
			t.Errorf("%q is not %q: %+v, %+v", args, test.args, again, s)
		}
	}
}

func TestSubjectIsWhatWasGiven(t *testing.T) {
	var s Settings
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	Bind(flags, &s, Global)
	Bind(flags, &s, Run)
	if err := flags.Parse([]string{"--volume", "a b", "-H", "ssh://there", "-q", "--debug", "-e", "A=b", "--memory=4g"}); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"NIXPROXY_NIX_VERSION": "2.8.0"}
	if _, err := Resolve(flags, &s, func(name string) (string, bool) { v, ok := variables[name]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	if got, want := Subject(flags), []string{"--host=ssh://there", "--volume=a b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
