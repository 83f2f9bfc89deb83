package agentapi

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// A Stamp says that the whole store of an image is in the volume, and which store paths its
// sessions use.
type Stamp struct {
	Identity   string   `json:"identity"`
	Reference  string   `json:"reference"` // the image's reference when it was synced
	Version    string   `json:"version"`   // the first line that `nix --version` printed
	Nix        string   `json:"nix"`
	Profile    string   `json:"profile"`
	BaseSystem string   `json:"baseSystem,omitempty"`
	Settings   []string `json:"settings,omitempty"` // lines of Nix configuration that this Nix needs
	Synced     string   `json:"synced"`             // RFC 3339
}

// Paths returns the store paths that the stamp names.
func (s Stamp) Paths() (all []nixstore.Path) {
	for _, path := range []string{s.Nix, s.Profile, s.BaseSystem} {
		if path != "" {
			all = append(all, nixstore.Path(path))
		}
	}
	return all
}

// Check returns what is wrong with a stamp from outside of the volume: its identity becomes
// a file's name, its settings become lines of configuration, and its texts are displayed.
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

// identityForm matches an identity, which must also be safe as the name of a file.
var identityForm = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// IsIdentity tells whether a text can be an image identity.
func IsIdentity(s string) bool { return identityForm.MatchString(s) }

// Prepared is what the agent's prepare mode prints about a volume.
type Prepared struct {
	Stamps []Stamp `json:"stamps"`
	Damage string  `json:"damage,omitempty"` // the reason why agents cannot start in it; jobs can still repair it
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
