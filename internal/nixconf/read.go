package nixconf

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Host is what Read needs to know about the machine; Local returns that of this one.
type Host struct {
	ReadFile    func(path string) ([]byte, error)
	LookupEnv   func(key string) (string, bool)
	Home        string
	Determinate bool // the host's Nix is Determinate's, with the usual features always on
}

// Local returns the Host of this machine.
func Local(home string, determinate bool) Host {
	return Host{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv, Home: home, Determinate: determinate}
}

// Read returns the host's effective configuration, as far as it is set: by the system's file,
// then the user's files, then NIX_CONFIG (the order of loadConfFile in Nix's
// libstore/globals.cc). Read skips a file that is missing or cannot be read. It leaves out
// all of a file that Nix would refuse, and returns an error about the first such file; the
// Config is valid also with an error.
func Read(h Host) (Config, error) {
	config := Config{NetrcFile: filepath.Join(h.systemDir(), "netrc")}
	var fault error
	for _, path := range h.files() {
		contents, err := h.ReadFile(path)
		if err != nil {
			continue
		}
		fault = cmp.Or(fault, h.apply(&config, string(contents), path))
	}
	if contents, ok := h.LookupEnv("NIX_CONFIG"); ok {
		fault = cmp.Or(fault, h.apply(&config, contents, "NIX_CONFIG"))
	}
	if h.Determinate {
		config.ExperimentalFeatures = append(config.ExperimentalFeatures, usual()...)
	}
	config.ExperimentalFeatures = clean(config.ExperimentalFeatures, validFeature)
	config.Substituters = clean(config.Substituters, validWord)
	config.TrustedPublicKeys = clean(config.TrustedPublicKeys, validWord)
	config.AccessTokens = clean(config.AccessTokens, validWord)
	return config, fault
}

// files returns the configuration files; later ones override earlier ones.
func (h Host) files() []string {
	user := h.userFiles()
	slices.Reverse(user)
	return append([]string{filepath.Join(h.systemDir(), "nix.conf")}, user...)
}

func (h Host) systemDir() string {
	if dir, _ := h.LookupEnv("NIX_CONF_DIR"); dir != "" {
		return dir
	}
	return "/etc/nix"
}

// userFiles returns the user's files; earlier ones override later ones. NIX_USER_CONF_FILES
// replaces them all, even when it is empty.
func (h Host) userFiles() []string {
	if list, ok := h.LookupEnv("NIX_USER_CONF_FILES"); ok {
		return split(list)
	}
	var files []string
	if dir := h.configHome(); dir != "" {
		files = append(files, filepath.Join(dir, "nix.conf"))
	}
	dirs, ok := h.LookupEnv("XDG_CONFIG_DIRS")
	if !ok {
		dirs = "/etc/xdg"
	}
	for _, dir := range split(dirs) {
		files = append(files, filepath.Join(dir, "nix/nix.conf"))
	}
	return files
}

// configHome returns the directory of the user's own nix.conf; empty when the user has no
// home.
func (h Host) configHome() string {
	if dir, _ := h.LookupEnv("NIX_CONFIG_HOME"); dir != "" {
		return dir
	}
	if dir, _ := h.LookupEnv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "nix")
	}
	if h.Home == "" {
		return ""
	}
	return filepath.Join(h.Home, ".config/nix")
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ':' })
}

// apply applies the settings in contents, or none of them when Nix would refuse contents.
func (h Host) apply(config *Config, contents, path string) error {
	p := parser{readFile: h.ReadFile}
	if err := p.parse(contents, path); err != nil {
		return fmt.Errorf("reading Nix's configuration: %w: correct the line", err)
	}
	for _, s := range p.settings {
		config.set(s)
	}
	return nil
}

// set applies one setting: it replaces the list or, with "extra-" before the name, appends
// to the list or Nix's default. It ignores settings that Config does not have.
func (c *Config) set(s setting) {
	if s.name == "netrc-file" {
		c.NetrcFile = strings.Join(s.words, " ") // as Nix joins a value's words
		return
	}
	name, extra := strings.CutPrefix(s.name, "extra-")
	list := c.list(name)
	if list == nil {
		return
	}
	if !extra {
		*list = []string{}
	} else if *list == nil {
		own := builtin()
		*list = *own.list(name)
	}
	*list = append(*list, s.words...)
}

// list finds a list by its name, or by the name that it had before Nix 2.0.
func (c *Config) list(name string) *[]string {
	switch name {
	case "experimental-features":
		return &c.ExperimentalFeatures
	case "substituters", "binary-caches":
		return &c.Substituters
	case "trusted-public-keys", "binary-cache-public-keys":
		return &c.TrustedPublicKeys
	case "access-tokens":
		return &c.AccessTokens
	}
	return nil
}
