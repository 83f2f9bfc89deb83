package proxy

import (
	"fmt"

	"golang.org/x/crypto/ssh"
)

// remembered is a proxy container as the state file holds it: all that the warm
// way needs.
type remembered struct {
	Container  string `json:"container"`  // id
	APIVersion string `json:"apiVersion"` // of the engine
	HostKey    string `json:"hostKey"`    // authorized_keys form
	Identity   string `json:"identity"`   // of the image
}

func (r remembered) hostKey() (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(r.HostKey))
	if err != nil {
		return nil, fmt.Errorf("reading the remembered host key: %w", err)
	}
	return key, nil
}
