package state

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
)

const keyFile = "key"

// ClientKey returns the key that this user shows to agents, made the first time.
// Everybody who asks at once gets the same one. A broken one, or one that others can
// read, is replaced: an agent will be told of the new one.
func (d *Dir) ClientKey() (ssh.Signer, error) {
	if key, err := d.loadKey(); err == nil {
		return key, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	unlock, err := d.Lock(ctx, keyFile, nil)
	if err != nil {
		return nil, fmt.Errorf("making a client key: %w", err)
	}
	defer unlock()
	if key, err := d.loadKey(); err == nil {
		return key, nil
	}
	return d.makeKey()
}

// ClientKeyFile is where ClientKey keeps it, as OpenSSH reads it.
func (d *Dir) ClientKeyFile() string { return filepath.Join(d.path, keyFile) }

func (d *Dir) loadKey() (ssh.Signer, error) {
	data, info, err := d.read(keyFile)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, errors.New("others can read the client key")
	}
	return ssh.ParsePrivateKey(data)
}

// makeKey makes one of the kind that is fastest in a process which lives for
// milliseconds: of Ed25519's, Go computes tables for one before the first use.
func (d *Dir) makeKey() (ssh.Signer, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a client key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "nixproxy")
	if err != nil {
		return nil, fmt.Errorf("making a client key: %w", err)
	}
	if err := d.write(keyFile, pem.EncodeToMemory(block)); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}
