package settings

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/nixproxy/nixproxy/internal/platform"
)

// A value is one of pflag's own that applies the row's choices and check before each Set,
// and shows the row's Meta in the help.
type value struct {
	pflag.Value
	row Setting
	old string // the earlier name that the value was given by, if it was
}

func (v *value) Set(to string) error {
	v.old = ""
	if name, renamed := v.row.Renamed[to]; renamed {
		v.old, to = to, name
	}
	if len(v.row.Choices) > 0 && !slices.Contains(v.row.Choices, to) {
		return fmt.Errorf("it is one of %s", strings.Join(v.row.Choices, ", "))
	}
	if v.row.check != nil {
		if err := v.row.check(to); err != nil {
			return err
		}
	}
	if v.row.canonical != nil {
		var err error
		if to, err = v.row.canonical(to); err != nil {
			return err
		}
	}
	return v.Value.Set(to)
}

func (v *value) Type() string {
	if v.row.Meta != "" {
		return v.row.Meta
	}
	return v.Value.Type()
}

// setAll sets the value from an environment variable's text, in which a list has one item
// on each line. The error continues the variable's name. It does not show a list, which
// may hold passwords.
func (v *value) setAll(to string) error {
	if _, list := v.Value.(pflag.SliceValue); list {
		return v.setLines(to)
	}
	if err := v.Set(to); err != nil {
		return fmt.Errorf("=%q: %w", to, err)
	}
	return nil
}

func (v *value) setLines(to string) error {
	number := 0
	for line := range strings.Lines(to) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if err := v.Set(line); err != nil {
			return fmt.Errorf(", line %d: %w", number, err)
		}
	}
	return nil
}

func text(at func(*Settings) *string) func(*Settings) pflag.Value {
	return func(s *Settings) pflag.Value {
		return made(func(f *pflag.FlagSet) { f.StringVar(at(s), "v", *at(s), "") })
	}
}

func yes(at func(*Settings) *bool) func(*Settings) pflag.Value {
	return func(s *Settings) pflag.Value {
		return made(func(f *pflag.FlagSet) { f.BoolVar(at(s), "v", *at(s), "") })
	}
}

// list keeps each value as it is: no comma splits it.
func list(at func(*Settings) *[]string) func(*Settings) pflag.Value {
	return func(s *Settings) pflag.Value {
		return made(func(f *pflag.FlagSet) { f.StringArrayVar(at(s), "v", *at(s), "") })
	}
}

// made returns one of pflag's own values, which only a flag set can make.
func made(add func(*pflag.FlagSet)) pflag.Value {
	var f pflag.FlagSet
	add(&f)
	return f.Lookup("v").Value
}

func yesOrNo(s string) error {
	if slices.Contains([]string{"1", "0", "true", "false"}, s) {
		return nil
	}
	return errors.New("it is one of 1, 0, true, false")
}

// platformName returns the one form of a platform's name. An empty text stays empty,
// which means the engine's own platform.
func platformName(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return platform.Parse(s)
}

func assignment(s string) error {
	if name, _, _ := strings.Cut(s, "="); name == "" {
		return errors.New("it is written NAME or NAME=VALUE")
	}
	return nil
}

func duration(s string) error {
	if d, err := time.ParseDuration(s); err == nil && d >= 0 || s == "0" {
		return nil
	}
	return errors.New("it is written like 90s, 10m or 1h30m")
}

func size(s string) error {
	if n, err := units.RAMInBytes(s); s == "" || err == nil && n > 0 {
		return nil
	}
	return errors.New("it is written like 512m or 4g")
}

func number(s string) error {
	if n, err := strconv.ParseFloat(s, 64); s == "" || err == nil && n > 0 && !math.IsInf(n, 0) {
		return nil
	}
	return errors.New("it is a number such as 2 or 1.5")
}
