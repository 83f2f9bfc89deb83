package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/version"
)

// StampFile returns the path of an image's stamp.
func (v Volume) StampFile(identity string) string { return v.Own("images", identity+".json") }

// Stamp reads an image's stamp. The error is os.ErrNotExist if there is none, or a
// damaged one.
func (v Volume) Stamp(identity string) (agentapi.Stamp, error) {
	var s agentapi.Stamp
	if !agentapi.IsIdentity(identity) {
		return s, fmt.Errorf("%q is not an image identity", identity)
	}
	content, err := os.ReadFile(v.StampFile(identity))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(content, &s); err != nil || s.Identity != identity {
		return s, fmt.Errorf("the stamp of image %s is damaged: %w", identity, os.ErrNotExist)
	}
	return s, nil
}

// Stamped returns the identities of the images that have a stamp, damaged ones included.
func (v Volume) Stamped() (identities []string, err error) {
	files, err := filepath.Glob(v.StampFile("*"))
	for _, file := range files {
		identity := strings.TrimSuffix(filepath.Base(file), ".json")
		if agentapi.IsIdentity(identity) { // else the file is not ours
			identities = append(identities, identity)
		}
	}
	return identities, err
}

// Stamps reads all stamps. A damaged one counts as missing: the next sync writes it anew.
func (v Volume) Stamps() ([]agentapi.Stamp, error) {
	identities, err := v.Stamped()
	if err != nil {
		return nil, err
	}
	stamps := []agentapi.Stamp{}
	for _, identity := range identities {
		s, err := v.Stamp(identity)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		stamps = append(stamps, s)
	}
	return stamps, nil
}

// Admit refuses an image if its Nix cannot share a volume with the Nix of an image that
// is in this one.
func (v Volume) Admit(s agentapi.Stamp) error {
	nix, err := version.Parse(s.Version)
	if err != nil {
		return nil // a custom version: nothing is known of it
	}
	stamps, err := v.Stamps()
	if err != nil {
		return err
	}
	for _, other := range stamps {
		if has, err := version.Parse(other.Version); err == nil {
			if err := nix.Clash(has); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteStamp writes an image's stamp. It must be the last step of a sync: all that the
// stamp names has to be on the disk.
func (v Volume) WriteStamp(s agentapi.Stamp) error {
	content, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return writeAtomic(v.StampFile(s.Identity), append(content, '\n'), 0o644)
}
