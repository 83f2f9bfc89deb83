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

// StampFile is where an image's stamp is.
func (v Volume) StampFile(identity string) string { return v.Own("images", identity+".json") }

// Stamp reads an image's stamp; os.ErrNotExist says that it has none.
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

// Stamped are the identities of the images that have a stamp, be it a damaged one.
func (v Volume) Stamped() (identities []string, err error) {
	files, err := filepath.Glob(v.StampFile("*"))
	for _, file := range files {
		identity := strings.TrimSuffix(filepath.Base(file), ".json")
		if agentapi.IsIdentity(identity) { // else it is somebody else's
			identities = append(identities, identity)
		}
	}
	return identities, err
}

// Stamps reads all stamps. A damaged one counts as missing: a sync makes it new.
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

// Admit refuses an image whose Nix would not get on with that of another one which
// has used the volume.
func (v Volume) Admit(s agentapi.Stamp) error {
	nix, err := version.Parse(s.Version)
	if err != nil {
		return nil // it is somebody's own, of which nothing is known
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

// WriteStamp comes last: what it speaks of is on the disk.
func (v Volume) WriteStamp(s agentapi.Stamp) error {
	content, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return writeAtomic(v.StampFile(s.Identity), append(content, '\n'), 0o644)
}
