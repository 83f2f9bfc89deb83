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

// ClientKey returns the key that this user shows to agents; the first call makes it.
// Concurrent calls get the same key. A key that is broken, or that others can read, is
// replaced; agents then get the new one.
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

// ClientKeyFile returns the path of the key's file, which OpenSSH can read.
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

// makeKey makes an ECDSA key, the fastest in a process that lives for milliseconds: Go
// computes tables before the first use of an Ed25519 key.
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
