package settings

import (
	"slices"

	"github.com/spf13/pflag"
)

// Arguments returns the command line that gives another nixproxy the same settings: each
// flag whose value is not the default. flags are those that Bind made, after Resolve.
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

// given returns a flag's values as they would be written after it.
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

// subject lists the settings that say which engine, volume and image a command is about.
var subject = []string{"host", "context", "image", "nix-version", "platform", "volume", "registry", "state"}

// Subject returns the flags of the command line that say which engine, volume and image
// the command is about. It leaves out what the environment says: the next command has
// that too. flags are those that Bind made, parsed.
func Subject(flags *pflag.FlagSet) []string {
	var args []string
	for _, row := range Table() {
		if flag := flags.Lookup(row.Flag); flag != nil && flag.Changed && slices.Contains(subject, row.Flag) {
			args = append(args, "--"+row.Flag+"="+flag.Value.String())
		}
	}
	return args
}
