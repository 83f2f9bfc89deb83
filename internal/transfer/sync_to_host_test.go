package transfer

import (
	"errors"
	"strings"
	"testing"
)

// A path may be called anything, and its copy fail for another reason.
func TestExplainSaysWhoIsNotTrusted(t *testing.T) {
	const path = "/nix/store/ib3sh3pcz10wsmavxvkdbayhqivbghlq-signature"
	for said, trust := range map[string]bool{
		"cannot add path '" + path + "' because it lacks a signature by a trusted key": true,
		"cannot add path '" + path + "' because it lacks a valid signature":            true,
		"writing to file '" + path + "': No space left on device":                      false,
	} {
		err := new(destination).explain(path, errors.New(said))
		if is := strings.Contains(err.Error(), "does not trust"); is != trust || !trust && !strings.HasSuffix(err.Error(), said) {
			t.Errorf("%s: %v", said, err)
		}
	}
}
