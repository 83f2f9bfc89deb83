package terminal

import (
	"regexp"
	"strings"
)

// advice matches a command in a text for the user: all texts write commands in this form.
var advice = regexp.MustCompile("`nixproxy [^`]*`")

// Advised returns the text with Options.Given added to its commands, so that they are about
// the same engine and volume. The authors of texts know neither, and the agent's texts come
// from inside the container. A command's own flags come later, and win.
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
