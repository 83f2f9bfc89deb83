package layout

import (
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestAdmitsWhatGetsOnWithTheOthers(t *testing.T) {
	v := Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	for identity, version := range map[string]string{strings.Repeat("a", 24): "nix (Nix) 2.34.8", strings.Repeat("b", 24): "my own"} {
		if err := v.WriteStamp(agentapi.Stamp{Identity: identity, Version: version}); err != nil {
			t.Fatal(err)
		}
	}
	for version, want := range map[string]string{
		"nix (Nix) 2.35.0": "would break the garbage collection of Nix 2.34.8",
		"nix (Nix) 2.35.1": "",
		"nix (Nix) 2.8.0":  "",
		"another":          "",
	} {
		err := v.Admit(agentapi.Stamp{Version: version})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(hint.Text(err), want)) {
			t.Errorf("%s: %v", version, err)
		}
	}
}
