// Package nixconf reads the host's Nix configuration from its files, without starting Nix,
// and makes a session's configuration of it.
package nixconf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Config is the part of Nix's configuration that a session takes over from the host. A list
// has each word once, in the order of the configuration. A nil list means that the host sets
// nothing, and the image's own value stays. The setting trusted-substituters is not needed:
// it permits other users what root, the session's user, may do anyway.
type Config struct {
	ExperimentalFeatures []string
	Substituters         []string
	TrustedPublicKeys    []string
	AccessTokens         []string // HOST=TOKEN; secret
	NetrcFile            string   // the path on the host
}

// WithoutNix returns the configuration for a host that has no Nix: the features that nearly
// everybody turns on, the secrets (a CI system may have tokens in NIX_CONFIG), and the image's
// own values for the rest.
func (c Config) WithoutNix() Config {
	return Config{ExperimentalFeatures: usual(), AccessTokens: c.AccessTokens, NetrcFile: c.NetrcFile}
}

// builtin returns Nix's defaults.
func builtin() Config {
	return Config{
		Substituters:      []string{"https://cache.nixos.org/"},
		TrustedPublicKeys: []string{"cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="},
	}
}

func usual() []string { return []string{"nix-command", "flakes"} }

// Session returns the lines for a session's NIX_CONFIG, each with a newline at its end;
// empty when the host sets nothing. It checks all values once more, so that none can add a
// line.
func (c Config) Session() string {
	var lines strings.Builder
	if features := clean(c.ExperimentalFeatures, validFeature); len(features) > 0 {
		writeLine(&lines, "experimental-features", features)
	}
	if c.Substituters != nil && !slices.ContainsFunc(c.Substituters, holdsCredentials) {
		writeLine(&lines, "substituters", clean(c.Substituters, worksInside))
	}
	if c.TrustedPublicKeys != nil {
		writeLine(&lines, "trusted-public-keys", clean(c.TrustedPublicKeys, validWord))
	}
	return lines.String()
}

// Secrets returns the lines that only the session may see.
func (c Config) Secrets() string {
	var lines strings.Builder
	if tokens := clean(c.AccessTokens, validWord); len(tokens) > 0 {
		writeLine(&lines, "access-tokens", tokens)
	}
	if slices.ContainsFunc(c.Substituters, holdsCredentials) {
		writeLine(&lines, "substituters", clean(c.Substituters, worksInside))
	}
	return lines.String()
}

func writeLine(to *strings.Builder, name string, words []string) {
	to.WriteString(strings.TrimSpace(name+" = "+strings.Join(words, " ")) + "\n")
}

// clean returns the valid words, each once. The result is nil only for nil.
func clean(words []string, valid func(string) bool) []string {
	if words == nil {
		return nil
	}
	kept := []string{}
	seen := make(map[string]bool)
	for _, word := range words {
		if seen[word] || !valid(word) {
			continue
		}
		seen[word] = true
		kept = append(kept, word)
	}
	return kept
}

// maxWord bounds one word of a list, in bytes.
const maxWord = 4096

// validFeature accepts names like those of Nix's features: lower-case words joined by hyphens.
func validFeature(word string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
	return word != "" && len(word) <= 100 && word[0] != '-' && strings.Trim(word, letters) == ""
}

// validWord accepts a word of a list in nix.conf: without blanks, control characters, and the
// start of a comment.
func validWord(word string) bool {
	return word != "" && len(word) <= maxWord && utf8.ValidString(word) &&
		strings.IndexFunc(word, func(r rune) bool { return r == '#' || unicode.IsSpace(r) || !unicode.IsGraphic(r) }) < 0
}
