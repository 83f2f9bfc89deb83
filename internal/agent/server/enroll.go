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

// ready bounds how long a client that comes with the container's start waits
// for the agent to listen.
const ready = 10 * time.Second

// Enroll lets the client whose public key (authorized_keys form) is read from
// `in` connect, and writes the host key it will meet. Who may execute it in the
// container is root there already, so that is all the authority it takes.
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

// dial connects to the serving agent of this container, waiting for one
// that is just being started.
func (a Agent) dial() (*net.UnixConn, error) {
	address := &net.UnixAddr{Name: a.socket(), Net: "unix"}
	for deadline := time.Now().Add(ready); ; time.Sleep(5 * time.Millisecond) {
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
