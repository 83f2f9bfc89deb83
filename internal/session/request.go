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

// maxRequestBytes is more than Linux's own limit on arguments and environment.
const maxRequestBytes = 16 << 20

// A Request says which command a session runs, and where.
type Request struct {
	Session  uint32 // number of the session on its connection, set by Client.Start
	Argv     []string
	SSH      bool     // no command: the streams are an SSH connection, whose commands get the rest of this request
	Dir      string   // empty: the session's HOME
	Env      []string // NAME=VALUE, overriding all other
	Nix      string   // lines of Nix configuration
	Secrets  Secrets
	Umask    uint32
	Terminal *Terminal     // nil: pipes
	OneFile  bool          // the caller's stdout and stderr are one file, so their order is kept
	SSHAgent bool          // the client offers its ssh agent
	Idle     time.Duration // how long the container runs on without a session; 0: for ever
	MaxSize  int64         // bytes of the store above which garbage is collected while nobody uses the container; 0: never
}

// Secrets are kept in files that only root can read, until the session ends. They are
// not in the session's environment.
type Secrets struct {
	Nix   string // lines of Nix configuration, such as access-tokens
	Netrc []byte
}

// A Terminal describes the caller's terminal, for the command's own.
type Terminal struct {
	Size        Size
	Modes       ssh.TerminalModes // RFC 4254, section 8
	StderrApart bool              // the caller's stderr is not the terminal, but a file of its own
}

// A Size is the size of a terminal, in characters and, where known, in pixels.
type Size struct{ Columns, Rows, Width, Height uint32 }

// A Signal is the name of a signal without SIG, as in RFC 4254, section 6.10: the
// numbers differ between systems.
type Signal = ssh.Signal

func writeRequest(w io.Writer, r Request) error {
	var body bytes.Buffer
	// It is not JSON: arguments are bytes, and need not be UTF-8.
	if err := gob.NewEncoder(&body).Encode(r); err != nil {
		return err
	}
	if body.Len() > maxRequestBytes {
		return fmt.Errorf("the command line and environment are %d bytes long, and the limit is %d", body.Len(), maxRequestBytes)
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
