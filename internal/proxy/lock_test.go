package proxy

import (
	"testing"

	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/version"
)

func TestAloneIsForWhatOthersShare(t *testing.T) {
	for name, test := range map[string]struct {
		asked, volume, template string
		refused                 bool
	}{
		"on the volume of all":        {"2.35.0", "", "", true},
		"a mirror's, by its version":  {"2.35.0", "", "mirror/nix:{version}", true},
		"on one of its own":           {"2.35.0", "mine", "", false},
		"an image of unknown content": {"2.35.0", "", "mine:1", false},
		"the next one":                {"2.35.1", "", "", false},
	} {
		nix, err := version.ParseRequested(test.asked)
		if err != nil {
			t.Fatal(err)
		}
		w := &spec{nix: nix, volume: test.volume, source: image.Source{Template: test.template}}
		if err := w.checkShared(); (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
