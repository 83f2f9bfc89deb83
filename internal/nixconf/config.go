// Package nixconf reads the host's Nix configuration from its files, without starting
// Nix, and turns it into that of a session.
package nixconf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Config is the part of Nix's configuration that a session takes over from the host. Each
// list is in the order in which the configuration names its words, each word once; nil
// where it says nothing, and what the image has stays. Of no use is trusted-substituters:
// it permits other users what root, who a session is, may do anyway.
type Config struct {
	ExperimentalFeatures []string
	Substituters         []string
	TrustedPublicKeys    []string
	AccessTokens         []string // HOST=TOKEN; secret
	NetrcFile            string   // the path on the host
}

// WithoutNix is what counts on a host that has no Nix: the commands and flakes that
// nearly everybody turns on, the secrets, because there may be tokens in NIX_CONFIG, as
// on CI systems, and the rest as the image has it.
func (c Config) WithoutNix() Config {
	return Config{ExperimentalFeatures: usual(), AccessTokens: c.AccessTokens, NetrcFile: c.NetrcFile}
}

// builtin is what Nix uses without any file.
func builtin() Config {
	return Config{
		Substituters:      []string{"https://cache.nixos.org/"},
		TrustedPublicKeys: []string{"cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="},
	}
}

func usual() []string { return []string{"nix-command", "flakes"} }

// Session returns the lines for a session's NIX_CONFIG, each ended by a newline; empty
// when there is nothing to say. What Config holds is checked once more, so that no value
// can add a line.
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

// Secrets returns the lines that nobody but the session may see.
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

// clean returns the valid words, each once: nil for nil, else a list, which may be empty.
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

// longest bounds one word of a list.
const longest = 4096

// validFeature accepts what Nix names its features like: lower-case words joined by hyphens.
func validFeature(word string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
	return word != "" && len(word) <= 100 && word[0] != '-' && strings.Trim(word, letters) == ""
}

// validWord accepts what can stand in a list of nix.conf: no blanks, no control
// characters, no start of a comment.
func validWord(word string) bool {
	return word != "" && len(word) <= longest && utf8.ValidString(word) &&
		strings.IndexFunc(word, func(r rune) bool { return r == '#' || unicode.IsSpace(r) || !unicode.IsGraphic(r) }) < 0
}
