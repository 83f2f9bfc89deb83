package session

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxRequestBytes is well over Linux's own limit on arguments and environment.
const maxRequestBytes = 16 << 20

// A Request says which command a session runs, and where.
type Request struct {
	Session  uint32 // its number on the connection, set by Client.Start
	Argv     []string
	SSH      bool     // no command: its streams are those of an SSH connection whose commands have all that this request has
	Dir      string   // empty: the session's HOME
	Env      []string // K=V, over everything else
	Nix      string   // lines of Nix configuration
	Secrets  Secrets
	Umask    uint32
	Terminal *Terminal     // nil: pipes
	OneFile  bool          // the caller's stdout and stderr are one: its lines keep their order
	SSHAgent bool          // the client offers its ssh agent
	Idle     time.Duration // how long the container may be without a session afterwards; 0: for ever
	MaxSize  int64         // size of the store, in bytes, above which garbage is collected when nobody uses the container; 0: never
}

// Secrets are kept in files that root alone can read, as long as the session
// lasts; nothing of them is in its environment.
type Secrets struct {
	Nix   string // lines of Nix configuration, such as access-tokens
	Netrc []byte
}

// A Terminal is the caller's, as far as the command's own is made like it.
type Terminal struct {
	Size        Size
	Modes       ssh.TerminalModes // RFC 4254, section 8
	StderrApart bool              // the caller's stderr is not the terminal
}

// A Size is a terminal's, in characters and, where known, in pixels.
type Size struct{ Columns, Rows, Width, Height uint32 }

// A Signal is a signal's name without SIG, as in RFC 4254, section 6.10:
// numbers differ between systems.
type Signal = ssh.Signal

func writeRequest(w io.Writer, r Request) error {
	var body bytes.Buffer
	// Not JSON: arguments are bytes, and need not be UTF-8.
	if err := gob.NewEncoder(&body).Encode(r); err != nil {
		return err
	}
	if body.Len() > maxRequestBytes {
		return fmt.Errorf("the command line and environment are %d bytes long: the limit is %d", body.Len(), maxRequestBytes)
	}
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(body.Len())), body.Bytes()...))
	return err
}

func readRequest(r io.Reader) (Request, error) {
	var request Request
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return request, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxRequestBytes {
		return request, fmt.Errorf("a request of %d bytes is over the limit", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return request, err
	}
	err := gob.NewDecoder(bytes.NewReader(body)).Decode(&request)
	return request, err
}
