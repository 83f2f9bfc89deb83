package settings

import (
	"slices"

	"github.com/spf13/pflag"
)

// Arguments is the command line that says what the flags' values are now, where
// they are not the defaults: a program started with it has the same settings.
// flags are those that Bind made, after Resolve.
func Arguments(flags *pflag.FlagSet) []string {
	var args []string
	for _, row := range Table() {
		flag := flags.Lookup(row.Flag)
		if flag == nil {
			continue
		}
		for _, text := range given(flag, row.Default) {
			args = append(args, "--"+row.Flag+"="+text)
		}
	}
	return args
}

// given are a flag's values as they would be written after it.
func given(flag *pflag.Flag, standard string) []string {
	v, ours := flag.Value.(*value)
	if !ours {
		return nil
	}
	if list, is := v.Value.(pflag.SliceValue); is {
		return list.GetSlice()
	}
	switch text := v.String(); text {
	case standard, "", "false":
		return nil
	default:
		return []string{text}
	}
}

// subject are the settings that say what a command is about, and not how it goes.
var subject = []string{"host", "context", "image", "nix-version", "platform", "volume", "registry", "state"}

// Subject is the part of the command line that says which engine, volume and
// image the command is about. What the environment says of that is not in it: the
// next command finds it there too. flags are those that Bind made, parsed.
func Subject(flags *pflag.FlagSet) []string {
	var args []string
	for _, row := range Table() {
		if flag := flags.Lookup(row.Flag); flag != nil && flag.Changed && slices.Contains(subject, row.Flag) {
			args = append(args, "--"+row.Flag+"="+flag.Value.String())
		}
	}
	return args
}
