package server

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nixproxy/nixproxy/internal/session"
)

// writeSecrets writes a session's secrets to files in its private directory, and returns
// the lines of Nix configuration that name them. Nix could take them from the
// environment, but all that the command starts inherits that and may print it.
func (p *private) writeSecrets(s session.Secrets) ([]string, error) {
	var lines []string
	for _, secret := range []struct {
		line, file string
		content    []byte
	}{
		{"!include ", "nix.conf", []byte(s.Nix)}, // with "!", as a process may outlive the session and this file
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
