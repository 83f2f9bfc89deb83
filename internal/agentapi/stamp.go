package agentapi

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A Stamp says that the whole store of an image is in the volume, and with
// which store paths the image's promise is kept.
type Stamp struct {
	Identity   string   `json:"identity"`
	Reference  string   `json:"reference"` // as it was called when it was synced
	Version    string   `json:"version"`   // the first line that `nix --version` printed
	Nix        string   `json:"nix"`
	Profile    string   `json:"profile"`
	BaseSystem string   `json:"baseSystem,omitempty"`
	Settings   []string `json:"settings,omitempty"` // lines of Nix configuration that this Nix needs
	Synced     string   `json:"synced"`             // RFC 3339
}

// Paths are the store paths that it names.
func (s Stamp) Paths() (all []nixstore.Path) {
	for _, path := range []string{s.Nix, s.Profile, s.BaseSystem} {
		if path != "" {
			all = append(all, nixstore.Path(path))
		}
	}
	return all
}

// Check tells what is wrong with a stamp that came from elsewhere: its identity
// becomes a file's name, its settings lines of configuration, and people are shown
// its texts.
func (s Stamp) Check() error {
	if !IsIdentity(s.Identity) {
		return fmt.Errorf("%q is not an image identity", s.Identity)
	}
	if s.Nix == "" || s.Profile == "" {
		return fmt.Errorf("image %s is listed without its Nix and profile", s.Identity)
	}
	for _, text := range append([]string{s.Reference, s.Version}, s.Settings...) {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("image %s is described by %q, which is not one line of text", s.Identity, text)
		}
	}
	return nil
}

var identityForm = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// IsIdentity tells whether a text can be an image identity, and the name of a file.
func IsIdentity(s string) bool { return identityForm.MatchString(s) }

// Prepared is what the agent's prepare mode prints about a volume.
type Prepared struct {
	Stamps []Stamp `json:"stamps"`
	Damage string  `json:"damage,omitempty"` // what keeps agents from starting in it; it can be repaired all the same
}

// Stamped returns the stamp of an image.
func (p Prepared) Stamped(identity string) (Stamp, bool) {
	for _, s := range p.Stamps {
		if s.Identity == identity {
			return s, true
		}
	}
	return Stamp{}, false
}
