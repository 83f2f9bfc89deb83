package layout

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
)

// HostKey returns the key by which clients know the volume's agents. It lies in
// the volume, so that a new container is no stranger; the first to ask makes it.
func (v Volume) HostKey() (ssh.Signer, error) {
	key, err := v.hostKey()
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if err := v.makeHostKey(); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("making the host key: %w", err)
	}
	return v.hostKey()
}

// hostKey reads the key: os.ErrNotExist where nobody has made it yet.
func (v Volume) hostKey() (ssh.Signer, error) {
	content, err := os.ReadFile(v.Own("hostkey"))
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(content)
}

// Damage tells what keeps agents from starting in the volume; empty: nothing does.
func (v Volume) Damage() string {
	if _, err := v.hostKey(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Sprintf("its agents' host key is damaged (%v)", err)
	}
	return ""
}

// makeHostKey links a whole file into place, so that of several makers one wins
// and all others see its key: os.ErrExist.
func (v Volume) makeHostKey() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "nixproxy")
	if err != nil {
		return err
	}
	return createAtomic(v.Own("hostkey"), pem.EncodeToMemory(block), 0o600)
}
