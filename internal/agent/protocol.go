// Package agent is the protocol between nixproxy and the process of its
// containers, and the end of it that nixproxy holds. The other end, and the jobs
// done inside a container, are in package inside.
//
// The agent is an SSH server. A session of `run` is a channel of our own type
// on such a connection: the client writes a Request, framed by its length, and
// then the command's stdin; the agent answers with the request "started" or
// "refused", sends the command's stdout and stderr as the channel's data and
// extended data, and at last the request "exit".
package agent

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
)

// Where things are inside a container. The directory holds nothing but what
// belongs to the agent and is the same in every image.
const (
	Dir    = "/nixproxy"
	Binary = Dir + "/agent"
)

// Where the anchor and a throwaway container mount the volume, beside the image's
// own /nix: BesideNix, which is the /nix of a root at Beside.
const (
	Beside    = "/dst"
	BesideNix = Beside + "/nix"
)

// Layout is the version of what nixproxy keeps in a volume, and of how.
const Layout = "1"

const (
	sessionChannel  = "session@nixproxy.dev"
	startedRequest  = "started"
	refusedRequest  = "refused"
	exitRequest     = "exit"
	maxRequestBytes = 16 << 20 // well over Linux's own limit on arguments and environment
)

// A Request says which command a session runs, and where.
type Request struct {
	Argv  []string
	Dir   string   // empty: the session's HOME
	Env   []string // K=V, over everything else
	Nix   string   // lines of Nix configuration
	Image string   // identity of the image whose Nix is promised
}

// A Reason tells why a command was not started.
type Reason uint32

const (
	Failed        Reason = iota // the agent could not do its part
	Unstamped                   // the image's store is not in the volume
	NotFound                    // no such command: 127
	NotExecutable               // found, but the kernel would not execute it: 126
	NoDirectory                 // the directory to start in is not there
)

// Refused is the error of a session whose command was not started.
type Refused struct {
	Reason  Reason
	Message string
}

func (r *Refused) Error() string { return r.Message }

// An Exit is how a command ended: with a status, or by a signal (Linux's number).
type Exit struct {
	Status uint32
	Signal uint32
}

// A Stamp says that the whole store of an image is in the volume, and with
// which store paths the image's promise is kept.
type Stamp struct {
	Identity   string   `json:"identity"`
	Reference  string   `json:"reference"` // as it was called when it was synced
	Version    string   `json:"version"`   // the first line that `nix --version` printed
	Nix        string   `json:"nix"`
	Profile    string   `json:"profile"`
	BaseSystem string   `json:"baseSystem,omitempty"`
	Settings   []string `json:"settings,omitempty"` // lines of Nix configuration that this Nix needs
	Synced     string   `json:"synced"`             // RFC 3339
}

// A SyncEvent is one line of a throwaway container's stdout: progress in store
// paths, and in the last one the stamp.
type SyncEvent struct {
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"`
	Stamp *Stamp `json:"stamp,omitempty"`
}

// Prepared is what the agent's prepare mode prints about a volume.
type Prepared struct {
	Stamps []Stamp `json:"stamps"`
}

// Stamped returns the stamp of an image.
func (p Prepared) Stamped(identity string) (Stamp, bool) {
	for _, s := range p.Stamps {
		if s.Identity == identity {
			return s, true
		}
	}
	return Stamp{}, false
}

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
	return request, gob.NewDecoder(bytes.NewReader(body)).Decode(&request)
}

// A Session is the agent's end of one session.
type Session struct {
	Request Request
	ssh.Channel
}

// IsSession tells whether a channel that a client wants to open is a session of ours.
func IsSession(c ssh.NewChannel) bool { return c.ChannelType() == sessionChannel }

// Accept takes a session's channel and reads what is to be run. What can still
// be read from the session afterwards is the command's stdin.
func Accept(c ssh.NewChannel) (*Session, <-chan *ssh.Request, error) {
	channel, requests, err := c.Accept()
	if err != nil {
		return nil, nil, err
	}
	request, err := readRequest(channel)
	if err != nil {
		channel.Close()
		return nil, nil, err
	}
	return &Session{Request: request, Channel: channel}, requests, nil
}

// Started tells the client that the command runs.
func (s *Session) Started() error {
	_, err := s.SendRequest(startedRequest, false, nil)
	return err
}

// Refuse tells the client that no command was started, and ends the session.
func (s *Session) Refuse(reason Reason, message string) {
	// A client that is gone needs no answer.
	_, _ = s.SendRequest(refusedRequest, false, ssh.Marshal(struct {
		Reason  uint32
		Message string
	}{uint32(reason), message}))
	s.Close()
}

// Exit tells how the command ended, and ends the session.
func (s *Session) Exit(e Exit) {
	_, _ = s.SendRequest(exitRequest, false, ssh.Marshal(e))
	s.Close()
}
