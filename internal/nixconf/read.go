package nixconf

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Host is what Read needs to know of the machine; Local fills it for the real one.
type Host struct {
	ReadFile    func(path string) ([]byte, error)
	LookupEnv   func(key string) (string, bool)
	Home        string
	Determinate bool // the host's Nix is Determinate's, which has the usual features on whatever its files say
}

// Local is this machine.
func Local(home string, determinate bool) Host {
	return Host{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv, Home: home, Determinate: determinate}
}

// Read returns the host's effective configuration, as far as its files say something: the
// system's file, then the user's, then NIX_CONFIG, in the order of loadConfFile in Nix's
// libstore/globals.cc. A file that is missing or cannot be read is skipped. One that Nix
// would refuse is left out whole, and the error is about the first such; the Config is of
// use all the same.
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

// files are the configuration files, the weakest first.
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

// userFiles are the user's files, the strongest first. NIX_USER_CONF_FILES replaces them
// all, even when it is empty.
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

// configHome is the directory of the user's own nix.conf; empty when the user has no home.
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

// apply sets what contents set, or nothing when Nix would refuse them.
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

// set applies one setting: a name of ours replaces the list, with "extra-" before it
// appends to it, or to what Nix has by itself. Other names are not ours to judge.
func (c *Config) set(s setting) {
	if s.name == "netrc-file" {
		c.NetrcFile = strings.Join(s.words, " ") // as Nix does with a value's words
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

// list finds a setting by its name or by the name that it had before Nix 2.0.
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
