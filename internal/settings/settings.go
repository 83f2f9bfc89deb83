// Package settings holds every setting of nixproxy in one table (its flag, environment
// variable, key and default), and tells where the value of each came from. A flag beats
// the environment, and the environment the default.
package settings

import (
	"fmt"

	"github.com/spf13/pflag"
)

// Settings are the values, after Bind, parsing and Resolve. An empty string means what
// the doc of the setting says of its absence.
type Settings struct {
	Host       string
	Context    string
	Image      string
	NixVersion string
	Platform   string
	Volume     string
	Pull       string
	Registry   string
	Progress   string
	State      string
	Transport  string
	Quiet      bool
	Debug      bool

	// Of run and shell only.
	Env         []string
	EnvFiles    []string
	Workdir     string
	Mounts      []string
	NoMount     bool
	SSH         bool
	Memory      string
	CPUs        string
	IdleTimeout string // as time.ParseDuration reads it
	MaxSize     string
	TTY         bool
	NoTTY       bool
}

// Bind makes a flag of each setting of the scope. It sets the defaults in s at once;
// parsing the flags sets the values.
func Bind(flags *pflag.FlagSet, s *Settings, scope Scope) {
	for _, row := range Table() {
		if row.Scope == scope {
			row.bind(flags, s)
		}
	}
}

func (row Setting) bind(flags *pflag.FlagSet, s *Settings) {
	v := &value{Value: row.value(s), row: row}
	if row.Default != "" {
		if err := v.Set(row.Default); err != nil {
			panic(fmt.Sprintf("the default of --%s: %v", row.Flag, err))
		}
	}
	flag := flags.VarPF(v, row.Flag, row.Short, row.usage())
	flag.DefValue = "" // usage says it, in the same words for every kind
	if v.Value.Type() == "bool" {
		flag.NoOptDefVal = "true"
	}
}

func (row Setting) usage() string {
	if row.Default == "" {
		return fmt.Sprintf("%s [$%s]", row.Doc, row.Env)
	}
	return fmt.Sprintf("%s (default %s) [$%s]", row.Doc, row.Default, row.Env)
}
