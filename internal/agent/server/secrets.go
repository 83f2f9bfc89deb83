package server

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/session"
)

// keep writes a session's secrets to files in its private directory, and returns
// the lines of Nix configuration that lead there. The environment would do for Nix, but
// whatever the command starts inherits it, and tells it on.
func (p *private) keep(s session.Secrets) ([]string, error) {
	var lines []string
	for _, secret := range []struct {
		line, file string
		content    []byte
	}{
		{"!include ", "nix.conf", []byte(s.Nix)}, // a process that outlives the session finds none, and goes on
		{"netrc-file = ", "netrc", s.Netrc},
	} {
		if len(secret.content) == 0 {
			continue
		}
		path, err := p.write(secret.file, secret.content)
		if err != nil {
			return nil, fmt.Errorf("keeping the session's secrets: %w", err)
		}
		lines = append(lines, secret.line+path)
	}
	return lines, nil
}

func (p *private) write(name string, content []byte) (string, error) {
	dir, err := p.dir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, content, 0o600)
}
