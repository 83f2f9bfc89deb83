package proxy

import (
	"errors"
	"fmt"
	"net"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// checkSSHAgent finds out, before anything is done, whether there is an ssh
// agent on this host to be lent.
func (p *Proxy) checkSSHAgent() error {
	if !p.Settings.SSH {
		return nil
	}
	const next = "start one with `eval $(ssh-agent)` and give it a key with ssh-add"
	if p.Host.SSHAgent == "" {
		return hint.Add(errors.New("--ssh: there is no ssh agent (SSH_AUTH_SOCK is not set)"), next)
	}
	conn, err := net.Dial("unix", p.Host.SSHAgent)
	if err != nil {
		return hint.Add(fmt.Errorf("--ssh: no ssh agent answers at SSH_AUTH_SOCK: %w", err), next)
	}
	return conn.Close()
}
