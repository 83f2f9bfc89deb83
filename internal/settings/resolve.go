package settings

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// Origin is where a setting's value came from. The zero Origin is the default.
type Origin struct {
	Flag     bool   // given on the command line
	Variable string // name of the environment variable that gave it
}

func (o Origin) String() string {
	switch {
	case o.Flag:
		return "flag"
	case o.Variable != "":
		return "environment (" + o.Variable + ")"
	}
	return "default"
}

// Origins has an Origin for each setting that the command has, by the name of its flag.
type Origins map[string]Origin

// Resolve gives what the command line left out the value that the environment has for it. flags are those that Bind
// made on s, after parsing; lookup is os.LookupEnv. A bad value is an error that names the variable.
func Resolve(flags *pflag.FlagSet, s *Settings, lookup func(string) (string, bool)) (Origins, error) {
	origins := Origins{}
	for _, row := range Table() {
		flag := flags.Lookup(row.Flag)
		if flag == nil {
			continue
		}
		origin, err := row.resolve(flag, lookup)
		if err != nil {
			return nil, err
		}
		origins[row.Flag] = origin
	}
	return origins, chooseEngine(s, origins)
}

func (row Setting) resolve(flag *pflag.Flag, lookup func(string) (string, bool)) (Origin, error) {
	if flag.Changed {
		return Origin{Flag: true}, nil
	}
	to, _ := lookup(row.Env)
	v, ours := flag.Value.(*value)
	if to == "" || !ours {
		return Origin{}, nil
	}
	if err := v.setAll(to); err != nil {
		return Origin{}, fmt.Errorf("environment variable %s=%q: %w", row.Env, to, err)
	}
	return Origin{Variable: row.Env}, nil
}

// chooseEngine keeps one of host and context, two names for the same thing: a flag beats the environment here too.
func chooseEngine(s *Settings, origins Origins) error {
	if s.Host == "" || s.Context == "" {
		return nil
	}
	host, context := origins["host"], origins["context"]
	switch {
	case host.Flag == context.Flag:
		return errors.New("both a host and a context are given (" + named("host", host) + ", " + named("context", context) + "): give one of them")
	case host.Flag:
		s.Context, origins["context"] = "", Origin{}
	default:
		s.Host, origins["host"] = "", Origin{}
	}
	return nil
}

func named(flag string, o Origin) string {
	if o.Flag {
		return "--" + flag
	}
	return o.Variable
}
