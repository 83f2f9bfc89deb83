// Package agent is the protocol between nixproxy and the process of its
// containers, and the end of it that nixproxy holds. The other end is in package
// sessions, and the jobs done inside a container are in package jobs.
//
// The agent is an SSH server. A session of `run` is a channel of our own type
// on such a connection: the client writes a Request, framed by its length, and
// then the command's stdin; the agent answers with the request "started" or
// "refused", sends the command's stdout as the channel's data, and at last the
// request "exit". Stderr has a channel of its own, so that neither output waits
// for the other's reader; the agent opens it with the first byte.
//
// A standard SSH connection goes through a session too, as its stdin and stdout:
// so it is reached as `run` is, and what its commands have comes from the host.
//
// While the command runs the client may send "signal" and "window-change", as on
// an SSH session (RFC 4254, section 6), and "gone" (an output's reader is gone);
// the agent may send "stopped".
package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Where things are inside a container. The directory holds nothing but what
// belongs to the agent and is the same in every image.
const (
	Dir    = "/nixproxy"
	Binary = Dir + "/agent"
)

// NoSuchMode is the exit status of an agent that does not know what it is asked.
const NoSuchMode = 2

// Where a container has the volume: the proxy container in the place of the
// image's /nix; the anchor beside it, at BesideNix, which is the /nix of a root at
// Beside; a throwaway container as its job needs it.
const (
	Nix       = "/nix"
	Beside    = "/dst"
	BesideNix = Beside + "/nix"
)

// Layout is the version of what nixproxy keeps in a volume, and of how.
const Layout = "1"

// SessionChannel is the type of a session's channel.
const SessionChannel = "session@nixproxy.dev"

const (
	stderrChannel    = "stderr@nixproxy.dev"
	startedRequest   = "started"
	refusedRequest   = "refused"
	exitRequest      = "exit"
	signalRequest    = "signal"
	sizeRequest      = "window-change"
	goneRequest      = "gone"
	stoppedRequest   = "stopped"
	keepAliveRequest = "keepalive@nixproxy.dev"
	maxRequestBytes  = 16 << 20 // well over Linux's own limit on arguments and environment
)

// Port is where an agent listens in its container. It lies outside of what the
// kernel gives away by itself (net.ipv4.ip_local_port_range).
const Port = 64222

// Banner is how the agent of a container with this specification introduces
// itself. All agents on a volume have one host key, and after a restart a port
// may be another container's.
func Banner(specification string) string { return "SSH-2.0-nixproxy_" + specification }

// HostName is how a volume knows a host: by its client's key, in SSH's wire form.
func HostName(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Idle is the idle time until a session has said another.
const Idle = 10 * time.Minute

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

// A Reason tells why a command was not started.
type Reason uint32

const (
	Failed        Reason = iota // the agent could not do its part
	Unstamped                   // the image's store is not in the volume
	NotFound                    // no such command
	NotExecutable               // found, but the kernel would not execute it
	NoDirectory                 // the directory to start in is not there
)

// Status is the exit status by which a reason is told, as engines do it.
func (r Reason) Status() int {
	switch r {
	case NotFound:
		return 127
	case NotExecutable:
		return 126
	}
	return 125
}

// Refused is the error of a session whose command was not started.
type Refused struct {
	Reason  Reason
	Message string
}

func (r *Refused) Error() string { return r.Message }

// An Exit is how a command ended: with a status, or by a signal (Linux's number).
type Exit struct {
	Status      uint32
	Signal      uint32
	OutOfMemory bool // the kernel killed a process of the container meanwhile
}

// An ending is what the agent says of it, after all output.
type ending struct {
	Status      uint32
	Signal      uint32
	OutOfMemory bool
	Stderr      bool   // there was something on stderr's own channel
	Taken       uint64 // bytes of stdin that the command read
}

func (e ending) exit() Exit {
	return Exit{Status: e.Status, Signal: e.Signal, OutOfMemory: e.OutOfMemory}
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

// Paths are the store paths that it names.
func (s Stamp) Paths() (all []nixstore.Path) {
	for _, path := range []string{s.Nix, s.Profile, s.BaseSystem} {
		if path != "" {
			all = append(all, nixstore.Path(path))
		}
	}
	return all
}

// Check tells what is wrong with a stamp that came from elsewhere: its identity
// becomes a file's name, its settings lines of configuration, and people are shown
// its texts.
func (s Stamp) Check() error {
	if !IsIdentity(s.Identity) {
		return fmt.Errorf("%q is not an image identity", s.Identity)
	}
	if s.Nix == "" || s.Profile == "" {
		return fmt.Errorf("image %s is listed without its Nix and profile", s.Identity)
	}
	for _, text := range append([]string{s.Reference, s.Version}, s.Settings...) {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("image %s is described by %q, which is not one line of text", s.Identity, text)
		}
	}
	return nil
}

var identityForm = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// IsIdentity tells whether a text can be an image identity, and the name of a file.
func IsIdentity(s string) bool { return identityForm.MatchString(s) }

// LookOnly is the argument by which the agent's prepare mode changes nothing. One
// of an earlier nixproxy does not know it, and prepares.
const LookOnly = "look"

// Prepared is what the agent's prepare mode prints about a volume.
type Prepared struct {
	Stamps []Stamp `json:"stamps"`
	Damage string  `json:"damage,omitempty"` // what keeps agents from starting in it; it can be repaired all the same
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
	err := gob.NewDecoder(bytes.NewReader(body)).Decode(&request)
	return request, err
}
