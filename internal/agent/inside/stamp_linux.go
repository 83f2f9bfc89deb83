package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agent"
)

var identityForm = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// Stamp reads an image's stamp; os.ErrNotExist says that it has none.
func (v Volume) Stamp(identity string) (agent.Stamp, error) {
	var s agent.Stamp
	if !identityForm.MatchString(identity) {
		return s, fmt.Errorf("%q is not an image identity", identity)
	}
	content, err := os.ReadFile(v.own("images", identity+".json"))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(content, &s); err != nil || s.Identity != identity {
		return s, fmt.Errorf("the stamp of image %s is damaged: %w", identity, os.ErrNotExist)
	}
	return s, nil
}

// Stamps reads all stamps. A damaged one counts as missing: a sync makes it new.
func (v Volume) Stamps() ([]agent.Stamp, error) {
	files, err := filepath.Glob(v.own("images", "*.json"))
	if err != nil {
		return nil, err
	}
	stamps := []agent.Stamp{}
	for _, file := range files {
		identity := strings.TrimSuffix(filepath.Base(file), ".json")
		if !identityForm.MatchString(identity) {
			continue // somebody else's
		}
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

func (v Volume) writeStamp(s agent.Stamp) error {
	content, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return writeWhole(v.own("images", s.Identity+".json"), append(content, '\n'), 0o644)
}
