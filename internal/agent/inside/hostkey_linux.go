package inside

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
	if content, err := os.ReadFile(v.own("hostkey")); err == nil {
		return ssh.ParsePrivateKey(content)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := v.makeHostKey(); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("making the host key: %w", err)
	}
	content, err := os.ReadFile(v.own("hostkey"))
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(content)
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
	f, err := os.CreateTemp(v.own(), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(block))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), v.own("hostkey"))
}
