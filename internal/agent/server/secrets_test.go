package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/session"
)

func TestKeepSecrets(t *testing.T) {
	p := newAgent(t).newPrivate()
	defer p.remove()
	lines, err := p.writeSecrets(session.Secrets{Nix: "access-tokens = a=b", Netrc: []byte("machine m\x00")})
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := p.dir()
	if want := []string{"!include " + dir + "/nix.conf", "netrc-file = " + dir + "/netrc"}; !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
	for name, want := range map[string]string{"nix.conf": "access-tokens = a=b", "netrc": "machine m\x00"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		if content, _ := os.ReadFile(path); string(content) != want {
			t.Errorf("%s holds %q, want %q", name, content, want)
		}
	}
}

func TestKeepNoSecrets(t *testing.T) {
	p := &private{parents: []string{"/none"}}
	if lines, err := p.writeSecrets(session.Secrets{}); err != nil || len(lines) > 0 {
		t.Errorf("without secrets: %q, %v", lines, err)
	}
	if _, err := p.writeSecrets(session.Secrets{Nix: "a = b"}); err == nil || !strings.HasPrefix(err.Error(), "keeping the session's secrets: ") {
		t.Errorf("where nothing can be written: %v", err)
	}
}
