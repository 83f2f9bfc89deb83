package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// startTimeout bounds the wait for an agent that is just being started.
const startTimeout = 10 * time.Second

// Enroll reads a client's public key (in authorized_keys form), lets that client
// connect, and writes the host key that the client will see. It needs no other
// authority: whoever can execute it in the container is root there already.
func (a Agent) Enroll(in io.Reader, out io.Writer) error {
	line, err := io.ReadAll(io.LimitReader(in, 16<<10))
	if err != nil {
		return err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return fmt.Errorf("reading the client's key: %w", err)
	}
	if err := a.authorize(key); err != nil {
		return fmt.Errorf("authorizing the client's key: %w", err)
	}
	conn, err := a.dial()
	if err != nil {
		return err
	}
	conn.Close()
	host, err := a.Volume.HostKey()
	if err != nil {
		return fmt.Errorf("reading the host key: %w", err)
	}
	_, err = out.Write(ssh.MarshalAuthorizedKey(host.PublicKey()))
	return err
}

func (a Agent) authorize(key ssh.PublicKey) error {
	f, err := os.OpenFile(a.keys(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := filelock.Wait(f, filelock.Exclusive); err != nil {
		return err
	}
	known, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	line := ssh.MarshalAuthorizedKey(key)
	if bytes.Contains(known, line) {
		return nil
	}
	_, err = f.Write(line)
	return err
}

func (a Agent) authorized(key ssh.PublicKey) bool {
	known, err := os.ReadFile(a.keys())
	return err == nil && bytes.Contains(known, ssh.MarshalAuthorizedKey(key))
}

// dial connects to the serving agent of this container. It waits for an agent that is
// just being started.
func (a Agent) dial() (*net.UnixConn, error) {
	address := &net.UnixAddr{Name: a.socket(), Net: "unix"}
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.DialUnix("unix", nil, address)
		if err == nil {
			return conn, nil
		}
		refused := errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, os.ErrNotExist)
		if !refused || time.Now().After(deadline) {
			return nil, fmt.Errorf("connecting to the agent: %w", err)
		}
	}
}
