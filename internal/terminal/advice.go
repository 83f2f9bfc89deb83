package terminal

import (
	"regexp"
	"strings"
)

// advice is a command in a text for the user. All of them are written so.
var advice = regexp.MustCompile("`nixproxy [^`]*`")

// Advised is a text whose commands have the flags that were given to this one, so
// that they are about the same engine and volume: whoever writes the text knows
// neither, and the agent's texts come from inside. Flags of its own come later
// in a command, and win.
func (t *Terminal) Advised(text string) string {
	if t.options.Given == "" {
		return text
	}
	return advice.ReplaceAllStringFunc(text, func(command string) string {
		if strings.HasSuffix(command, " --help`") {
			return command
		}
		return "`nixproxy " + t.options.Given + strings.TrimPrefix(command, "`nixproxy")
	})
}
