package settings

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/nixproxy/nixproxy/internal/hint"
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

// Resolve sets each value that the command line left out from the environment. flags are
// those that Bind made on s, after parsing; lookup is os.LookupEnv. The error for a bad
// value names the variable.
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
	if err := chooseEngine(s, origins); err != nil {
		return origins, err
	}
	return origins, chooseTerminal(s, origins)
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
		return Origin{}, fmt.Errorf("environment variable %s%w", row.Env, err)
	}
	return Origin{Variable: row.Env}, nil
}

// Warnings returns a text for each value that was given by an earlier name. flags are
// those that Bind made, after Resolve.
func Warnings(flags *pflag.FlagSet) (all []string) {
	for _, row := range Table() {
		flag := flags.Lookup(row.Flag)
		if flag == nil {
			continue
		}
		if v, ours := flag.Value.(*value); ours && v.old != "" {
			given := row.Env + "=" + v.old
			if flag.Changed {
				given = "--" + row.Flag + " " + v.old
			}
			all = append(all, fmt.Sprintf("%s is called %s now", given, v))
		}
	}
	return all
}

// chooseEngine keeps one of --host and --context, which both name the engine.
func chooseEngine(s *Settings, origins Origins) error {
	if s.Host == "" || s.Context == "" {
		return nil
	}
	weaker, err := origins.weaker("host", "context", "both a host and a context are given")
	switch weaker {
	case "host":
		s.Host = ""
	case "context":
		s.Context = ""
	}
	return err
}

// chooseTerminal keeps one of --tty and --no-tty.
func chooseTerminal(s *Settings, origins Origins) error {
	if !s.TTY || !s.NoTTY {
		return nil
	}
	weaker, err := origins.weaker("tty", "no-tty", "both a terminal and none are asked for")
	switch weaker {
	case "tty":
		s.TTY = false
	case "no-tty":
		s.NoTTY = false
	}
	return err
}

// weaker returns which of two settings that exclude each other does not count, and
// forgets its origin: here too a flag beats the environment.
func (o Origins) weaker(one, other, both string) (string, error) {
	if o[one].Flag == o[other].Flag {
		return "", hint.Add(fmt.Errorf("%s (%s, %s)", both, named(one, o[one]), named(other, o[other])), "give one of them")
	}
	weaker := one
	if o[one].Flag {
		weaker = other
	}
	o[weaker] = Origin{}
	return weaker, nil
}

func named(flag string, o Origin) string {
	if o.Flag {
		return "--" + flag
	}
	return o.Variable
}
